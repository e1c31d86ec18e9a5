"""Which network addresses may be connected: public ones, and those of configured origins.

An item from a catalogue may name any host. Without this rule its href could make a worker read the
cloud's metadata service or a neighbour's database. The check is made on the address that is
connected, so a name that resolves differently the second time gains nothing.
"""

import ipaddress
from collections.abc import Iterable

from eokit.errors import ForbiddenAddressError
from eokit.http.origins import Origin

__all__ = ["AddressPolicy"]


class AddressPolicy:
    """Says whether an origin may be reached at an address.

    Args:
        trusted: Origins that an operator configured; they may have private addresses.
    """

    def __init__(self, trusted: Iterable[Origin] = ()) -> None:
        self._trusted = frozenset((origin.host, origin.port) for origin in trusted)

    def trusts(self, host: str, port: int) -> bool:
        """Whether an operator configured this host and port."""
        return (host.lower(), port) in self._trusted

    def check(self, host: str, port: int, address: str) -> None:
        """Refuse an address that was not meant to be reachable.

        Args:
            host: The name in the URL.
            port: The port in the URL.
            address: The IP address that is about to be, or was, connected.

        Raises:
            ForbiddenAddressError: It is loopback, private, link-local, multicast or reserved, and
                host and port are not configured.
        """
        if self.trusts(host, port):
            return
        ip = ipaddress.ip_address(address.partition("%")[0])
        mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
        ip = mapped or ip
        if not ip.is_global or ip.is_multicast:
            raise ForbiddenAddressError(
                f"{host}:{port} is at {ip}, which is not a public address; "
                "add its origin to `trusted_origins` of the source's block if that is intended"
            )
