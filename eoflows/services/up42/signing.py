"""Transfers through signed URLs that live for minutes."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

import anyio

from eoflows.base.errors import RefusedError
from eoflows.base.http import AddressPolicy, Origin
from eoflows.stores.transfer import Download, Receipt, TransferEngine, TransferSettings
from eoflows.stores.transfer.models import Progress, Slot

__all__ = ["SigningEngine"]

_SIGNATURES = 5
_EXPIRED = frozenset({400, 401, 403})
"""What object stores answer when a signature is over, each its own."""


class SigningEngine(TransferEngine):
    """A transfer engine that is given the hrefs of assets and has each signed just before it is fetched.

    When the signature is over before the file is whole, it signs again and goes on where it stood.

    Args:
        sign: Gives a signed URL for an href, or the href itself where it needs none.
        trusted: Origins that may have private addresses.
        settings: How to work.
        slot: Gives the context in which one connection to a host may be used.
    """

    def __init__(
        self,
        sign: Callable[[str], Awaitable[str]],
        *,
        trusted: Iterable[Origin] = (),
        settings: TransferSettings | None = None,
        slot: Slot | None = None,
    ) -> None:
        settings = settings or TransferSettings()
        # No keyring: an object store refuses a signed URL that comes with credentials.
        super().__init__(settings, None, AddressPolicy(trusted), slot=slot)
        self._sign = sign
        # Who waits for a connection longer than a signature lives would never have a valid one.
        self._places = anyio.CapacityLimiter(settings.start_connections)

    async def fetch(self, download: Download, progress: Progress | None = None) -> Receipt:
        """Bring one file to its final name, as `TransferEngine.fetch`.

        Args:
            download: What to fetch; its URLs are hrefs of assets.
            progress: Told how many bytes are there.

        Raises:
            RefusedError: It cannot be signed, or five signatures in turn were refused.
        """
        left = _SIGNATURES
        async with self._places:
            while True:
                signed = tuple([await self._sign(href) for href in download.urls])
                try:
                    return await super().fetch(replace(download, urls=signed), progress)
                except RefusedError as error:
                    left -= 1
                    if error.status not in _EXPIRED or not left:
                        raise
