"""A collection of a catalogue behind a STAC API, exported by the command line."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.stores.catalog.__main__ import main


def item(number: int) -> dict[str, Any]:
    return {
        "type": "Feature",
        "stac_version": "1.1.0",
        "id": f"i{number:02}",
        "geometry": None,
        "links": [],
        "properties": {"datetime": "2025-01-01T00:00:00Z"},
        "assets": {"a": {"href": f"file:///data/{number}"}},
    }


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with Sandbox(SandboxSettings(days=0)) as box:
        box.catalogue.put_collection("demo:s1-aux", {"id": "s1-aux"}, new=True)
        box.catalogue.upsert("demo:s1-aux", map(item, range(25)))
        yield f"{box.url}/catalog"


@pytest.fixture
def url(address: str, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("CATALOGUE_KEY", "sandbox-demo-key")
    return address


def test_item_files(url: str, tmp_path: Path, capsys):
    target = tmp_path / "items"
    assert main(["export", url, "demo:s1-aux", str(target), "--key-from", "CATALOGUE_KEY"]) == 0
    assert capsys.readouterr().out == f"25 items of demo:s1-aux are in {target}\n"
    found = {path.name: json.loads(path.read_text()) for path in target.iterdir()}
    assert set(found) == {f"i{number:02}.json" for number in range(25)}
    assert found["i07.json"]["assets"]["a"]["href"] == "file:///data/7"


def test_geoparquet(url: str, tmp_path: Path, capsys):
    pytest.importorskip("rustac")
    target = tmp_path / "items.parquet"
    assert main(["export", url, "demo:s1-aux", str(target), "--key-from", "CATALOGUE_KEY"]) == 0
    assert capsys.readouterr().out.startswith("25 items")
    assert target.stat().st_size > 1000


def test_without_a_key_nothing_is_left(url: str, tmp_path: Path, capsys):
    assert main(["export", url, "demo:s1-aux", str(tmp_path / "items")]) == 2
    assert "401" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
