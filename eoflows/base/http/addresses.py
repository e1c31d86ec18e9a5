"""Which network addresses may be connected: public ones, and those of configured origins.

An item from a catalogue may name any host. Without this rule its href could make a worker read the
cloud's metadata service or a neighbour's database. The check is made on the address that is
connected, so a name that resolves differently the second time gains nothing.
"""

import ipaddress
from collections.abc import Iterable

from eoflows.base.errors import ForbiddenAddressError
from eoflows.base.http.origins import Origin

__all__ = ["AddressPolicy"]

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


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
        ip = _reached(ipaddress.ip_address(address.partition("%")[0]))
        if not ip.is_global or ip.is_multicast or ip.is_reserved:
            raise ForbiddenAddressError(
                f"{host}:{port} is at {ip}, which is not a public address; if that is intended, add "
                "its origin to `asset_origins` of the source's StacApi block, or in Python to AddressPolicy"
            )


def _reached(ip: _Address) -> _Address:
    """The address that a packet ends at: mapped, 6to4 and NAT64 addresses carry an IPv4 address."""
    if isinstance(ip, ipaddress.IPv4Address):
        return ip
    if ip in _NAT64:
        return ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip
