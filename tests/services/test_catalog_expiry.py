"""Expiry, whatever keeps the catalogue: a run that was ended is found in the records."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from test_catalog_contract import product

from eoflows.products.expiry import Expirer, unpublished
from eoflows.products.staging import Place
from eoflows.stores.catalog.interface import Catalog
from eoflows.stores.storage import LocalStorage

pytestmark = pytest.mark.anyio
NOW = datetime(2026, 1, 1, tzinfo=UTC)


async def test_what_an_ended_run_marked_is_found_and_finished(
    catalog: Catalog, collection: str, tmp_path: Path
) -> None:
    owner, _, name = collection.partition(":")
    storage = LocalStorage(tmp_path / "storage")
    for item in ("a", "b", "c"):
        path = storage.spool(f"{owner}/{name}/{item}/{item}.EOF")
        path.parent.mkdir(parents=True)
        path.write_bytes(b"x")
    await catalog.upsert(collection, [product("a"), product("b"), product("c")])
    marked = unpublished(product("b"), NOW, removing=True)
    await catalog.upsert(collection, [marked])

    expirer = Expirer(catalog, storage, Place(owner, name), lambda: NOW)
    left = [one.item for one in await expirer.unfinished()]
    assert left == ["b"]
    assert await expirer.expire([*left, "c"]) == 2
    assert await expirer.unfinished() == []
    assert [one.key async for page in storage.list() for one in page] == [f"{owner}/{name}/a/a.EOF"]
    known = await catalog.known(collection, ["a", "b", "c"])
    assert [(item, one.unpublished, len(one.assets)) for item, one in known.items()] == [
        ("a", False, 1),
        ("b", True, 0),
        ("c", True, 0),
    ]
