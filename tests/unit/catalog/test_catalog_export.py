import json
import sys
from collections.abc import AsyncIterator
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import anyio
import pytest
from catalog_items import aux

from eoflows.base.errors import InvalidInputError, MissingExtraError
from eoflows.stores.catalog import LocalCatalog
from eoflows.stores.catalog.__main__ import main
from eoflows.stores.catalog.export import export_geoparquet, export_items

pytestmark = pytest.mark.anyio
DAY = "2020-01-01T00:00:00Z"


@pytest.fixture
async def catalog(tmp_path: Path) -> AsyncIterator[LocalCatalog]:
    async with LocalCatalog(tmp_path / "c.sqlite") as found:
        items = [aux(f"i{number:04d}", DAY, DAY, n=number) for number in range(2500)]
        items[2000]["properties"]["late"] = 1.5
        items[2100]["properties"]["n"] = 0.5
        await found.upsert("o:c", items)
        yield found


def beside(target: Path) -> set[str]:
    return {path.name for path in target.parent.iterdir() if path.name.startswith(".")}


async def test_item_files(catalog: LocalCatalog, tmp_path: Path) -> None:
    target = tmp_path / "items"
    assert await export_items(catalog, "o:c", target) == 2500
    assert len(list(target.iterdir())) == 2500
    assert json.loads((target / "i0042.json").read_text()) == await catalog.get("o:c", "i0042")
    assert beside(target) == set()


async def test_a_target_that_is_there(catalog: LocalCatalog, tmp_path: Path) -> None:
    target = tmp_path / "items"
    target.mkdir()
    (target / "old.json").touch()
    with pytest.raises(InvalidInputError, match="there already"):
        await export_items(catalog, "o:c", target)
    await export_items(catalog, "o:c", target, replace=True)
    assert not (target / "old.json").exists()
    assert beside(target) == set()


async def test_nothing_is_left_of_a_failure(catalog: LocalCatalog, tmp_path: Path) -> None:
    await catalog.upsert("o:d", [aux("a", DAY), aux("A", DAY)])
    target = tmp_path / "items"
    with pytest.raises(InvalidInputError, match="only in case"):
        await export_items(catalog, "o:d", target)
    assert not target.exists()
    assert beside(target) == set()


async def test_geoparquet(catalog: LocalCatalog, tmp_path: Path) -> None:
    rustac = pytest.importorskip("rustac")
    target = tmp_path / "c.parquet"
    assert await export_geoparquet(catalog, "o:c", target) == 2500
    found = {item["id"]: item for item in (await rustac.read(str(target)))["features"]}
    assert len(found) == 2500
    # Neither came with the first items, from which the writer takes its schema.
    assert found["i2000"]["properties"]["late"] == 1.5
    assert found["i2100"]["properties"]["n"] == 0.5
    assert found["i0007"]["assets"]["product"]["href"] == "file:///data/i0007.EOF"
    assert found["i0007"]["assets"]["product"]["file:local_path"] == "i0007.EOF"
    assert found["i0007"]["properties"]["eoflows:no_geometry"] is True
    with pytest.raises(InvalidInputError, match="no items"):
        await export_geoparquet(catalog, "o:none", tmp_path / "none.parquet")
    assert beside(target) == set()


async def test_without_rustac(catalog: LocalCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "rustac", raising=False)
    monkeypatch.setattr(sys, "meta_path", [finder for finder in sys.meta_path if finder is not PathFinder])
    with pytest.raises(
        MissingExtraError, match=r"^rustac is not installed: pip install 'eoflows\[geoparquet\]'$"
    ):
        await export_geoparquet(catalog, "o:c", tmp_path / "c.parquet")


async def empty(file: str) -> None:
    async with LocalCatalog(file) as catalog:
        await catalog.upsert("o:c", [])


def test_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file, target = str(tmp_path / "c.sqlite"), tmp_path / "items"
    anyio.run(empty, file)
    assert main(["export", file, "o:c", str(target)]) == 0
    assert capsys.readouterr().out == f"0 items of o:c are in {target}\n"
    assert list(target.iterdir()) == []
    assert main(["export", file, "o:c", str(target)]) == 2
    assert "there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.sqlite", "o:c", "items"], "there is no catalogue nowhere.sqlite"),
        (["https://cat.example", "o:c", "items", "--key-from", "NO_SUCH_KEY"], "variable NO_SUCH_KEY"),
        (["ftp://cat.example", "o:c", "items"], "ftp"),
    ],
)
def test_the_command_line_refuses(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["export", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
