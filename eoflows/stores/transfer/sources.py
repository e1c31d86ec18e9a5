"""What every kind of source can do."""

from collections.abc import Container
from typing import Protocol

from eoflows.base.errors import ForbiddenAddressError, public_url
from eoflows.stores.transfer.models import Download, Progress
from eoflows.stores.transfer.parts import Part

__all__ = ["Source", "scheme_of"]


class Source(Protocol):
    """Brings bytes into a part."""

    async def pull(self, url: str, download: Download, part: Part, progress: Progress | None) -> None:
        """Bring what is missing of the part; once, without a repeat."""


def scheme_of(url: str, known: Container[str]) -> str:
    """Read the scheme of a source's URL.

    Raises:
        ForbiddenAddressError: It is none that may be read.
    """
    scheme = url.partition(":")[0].lower()
    if scheme not in known:
        raise ForbiddenAddressError(
            f"{public_url(url)!r} cannot be fetched: only http(s), s3, gs and file URLs are, and file only "
            "under configured roots"
        )
    return scheme
