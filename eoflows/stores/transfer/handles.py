"""libcurl handles: set up once, used again and again."""

import ssl
from pathlib import Path
from urllib.parse import quote

import pycurl

from eoflows.base.errors import StorageError
from eoflows.stores.transfer.exchange import Exchange
from eoflows.stores.transfer.models import TransferSettings

__all__ = ["Handles"]

_BUFFER = 512 * 1024
# What a URL may contain as it is; the rest is percent-encoded, which changes no correct URL.
_LEGAL = "!#$%&'()*+,/:;=?@[]~"


class Handles:
    """A stock of handles.

    Args:
        settings: Time-outs and trust.

    Raises:
        StorageError: The configured bundle of authorities cannot be read.
    """

    def __init__(self, settings: TransferSettings) -> None:
        self._timeout = round(settings.connect_timeout * 1000)
        self._authorities = _authorities(settings.ca_bundle)
        self._free: list[pycurl.Curl] = []

    def take(self, exchange: Exchange) -> pycurl.Curl:
        """Prepare a handle for an exchange."""
        handle = self._free.pop() if self._free else self._new()
        headers = {"accept-encoding": "identity", **exchange.headers}
        handle.setopt(pycurl.URL, quote(exchange.target.url, safe=_LEGAL))
        handle.setopt(pycurl.HTTPHEADER, [f"{name}: {value}" for name, value in headers.items()])
        handle.setopt(pycurl.HEADERFUNCTION, exchange.lines.append)
        handle.setopt(pycurl.WRITEFUNCTION, exchange.receive)
        handle.setopt(pycurl.OPENSOCKETFUNCTION, exchange.open_socket)
        handle.exchange = exchange
        return handle

    def give_back(self, handle: pycurl.Curl) -> None:
        """Take a handle back when libcurl is done with it."""
        handle.exchange = None
        self._free.append(handle)

    def close(self) -> None:
        """Close all handles."""
        for handle in self._free:
            handle.close()
        self._free.clear()

    def _new(self) -> pycurl.Curl:
        handle = pycurl.Curl()
        for option, value in (
            (pycurl.NOSIGNAL, 1),
            (pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1),
            (pycurl.BUFFERSIZE, _BUFFER),
            (pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS),
            (pycurl.FOLLOWLOCATION, 0),
            # An empty proxy keeps libcurl from reading the environment.
            (pycurl.PROXY, ""),
            (pycurl.NETRC, pycurl.NETRC_IGNORED),
            (pycurl.SSL_VERIFYPEER, 1),
            (pycurl.SSL_VERIFYHOST, 2),
            (pycurl.CAINFO, self._authorities),
            (pycurl.CONNECTTIMEOUT_MS, self._timeout),
            (pycurl.TCP_KEEPALIVE, 1),
            (pycurl.USERAGENT, "eoflows"),
        ):
            handle.setopt(option, value)
        return handle


def _authorities(bundle: Path | None) -> str:
    if bundle is not None:
        if not bundle.is_file():
            raise StorageError(f"ca_bundle {bundle} is not a file; give a PEM file of authorities")
        return str(bundle)
    system = ssl.get_default_verify_paths()
    for path in (system.cafile, system.openssl_cafile):
        if path and Path(path).is_file():
            return path
    # httpx brings it.
    import certifi  # noqa: PLC0415

    return certifi.where()
