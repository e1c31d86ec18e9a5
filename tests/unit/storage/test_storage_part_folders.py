"""What is half done is no object."""

from pathlib import Path

import pytest

from eoflows.stores.storage import LocalStorage


@pytest.mark.anyio
async def test_a_half_done_folder_is_not_listed(tmp_path: Path) -> None:
    for name in ("o/c/i/P.SEN3/a.xml", "o/c/i/.P.SEN3.zip.unpack.part/content/a.xml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    listed = [stored.key async for page in LocalStorage(tmp_path).list("o/") for stored in page]
    assert listed == ["o/c/i/P.SEN3/a.xml"]
