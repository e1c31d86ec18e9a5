"""Sources in the local file system, under configured roots only."""

import os
from pathlib import Path
from urllib.parse import unquote, urlsplit

from eoflows.base.errors import AbsentError, ForbiddenAddressError, IntegrityError, public_url
from eoflows.stores.transfer.crew import Crew
from eoflows.stores.transfer.models import Download, Progress
from eoflows.stores.transfer.parts import Part

__all__ = ["FileSource"]

_BLOCK = 1 << 20
_STEP = 32 << 20


class FileSource:
    """Copies files.

    Args:
        crew: Does the copying.
        roots: Folders under which files may be read.
    """

    def __init__(self, crew: Crew, roots: tuple[Path, ...]) -> None:
        self._crew, self._roots = crew, tuple(root.resolve() for root in roots)

    async def pull(self, url: str, download: Download, part: Part, progress: Progress | None) -> None:
        """Copy the file.

        Raises:
            ForbiddenAddressError: It is not under a configured root, links resolved.
            AbsentError: There is no such file.
            IntegrityError: It is longer than promised.
        """
        path = await self._crew.run(lambda: self._allowed(url))
        await self._crew.run(part.restart)
        while await self._crew.run(lambda: _copy(path, download, part)):
            if progress is not None:
                progress(part.size)

    def _allowed(self, url: str) -> Path:
        parts = urlsplit(url)
        path = Path(unquote(parts.path)).resolve()
        if parts.netloc not in ("", "localhost") or not any(path.is_relative_to(r) for r in self._roots):
            raise ForbiddenAddressError(
                f"{public_url(url)} is not under a configured root; add its folder to file_roots if intended"
            )
        if not path.is_file():
            raise AbsentError("no such file", url=url, status=404)
        return path


def _copy(path: Path, download: Download, part: Part) -> bool:
    """Copy some of the file; say whether there is more."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        end = part.size + _STEP
        while part.size < end:
            block = os.pread(descriptor, _BLOCK, part.size)
            if not block:
                return False
            if download.limit is not None and part.size + len(block) > download.limit:
                raise IntegrityError("size", download.limit, f"more than {download.limit}", where=str(path))
            part.write([block])
    finally:
        os.close(descriptor)
    return True
