"""Room is that of a disk, and not of the folder in which it was first looked for."""

import shutil
from pathlib import Path

import pytest

from eoflows.base.errors import StorageError
from eoflows.stores.transfer import Download
from eoflows.stores.transfer.room import Disks

pytestmark = pytest.mark.anyio


async def test_a_folder_that_is_removed_takes_no_room_with_it(tmp_path: Path) -> None:
    disks = Disks()
    for name in ("a", "b"):
        folder = tmp_path / name / "item"
        folder.mkdir(parents=True)
        # So near to all there is that the disk is asked each time.
        size = shutil.disk_usage(folder).free // 2
        async with disks.hold(Download(("https://h/f",), folder / "f"), size, 0) as hold:
            folder.rmdir()
            folder.parent.rmdir()
            with pytest.raises(StorageError):
                hold.grow(2**62)
