"""The sandbox's archives, staged and unpacked by the real flows."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from prefect import flow
from prefect.client.schemas.objects import State
from pystac import Item

from eoflows.base.errors import InvalidInputError, PartialError
from eoflows.flows.stage_aux import aux_staging
from eoflows.flows.unpack_aux import unpack_aux
from eoflows.products.environment import FlowEnvArgs
from eoflows.stores.catalog.interface import UNPACKED_FROM
from eoflows.tasks.environment import opened
from eoflows.tasks.unpack import aux_unzip_decompress, aux_unzip_decompress_task

# Prefect leaves a connection to its server open.
pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")]

ENV = FlowEnvArgs(owner_id="demo", environment="sandbox")


async def stage(product_type: str) -> list[Item]:
    equal = {"op": "=", "args": [{"property": "product:type"}, product_type]}
    good, items = await aux_staging(ENV, {"filter": equal, "limit": 2}, "aux")
    assert good
    assert items is not None
    return list(items)


async def unpack(ids: list[str] | None = None) -> State:
    return await unpack_aux(ENV, "aux", ids, return_state=True)


def files(state_folder: Path) -> list[Path]:
    folder = state_folder / "storage/demo/aux"
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


def check(item: Item) -> None:
    """The record says what the item's folder holds."""
    ((key, asset),) = item.assets.items()
    folder = Path(asset.href.removeprefix("file://"))
    assert not key.lower().endswith((".zip", ".tgz"))
    assert folder.name == asset.extra_fields[UNPACKED_FROM]["key"].rpartition(".")[0]
    sizes = [file.stat().st_size for file in folder.iterdir()]
    assert len(sizes) == 2
    assert asset.extra_fields["file:size"] == sum(sizes)


async def test_stage_then_unpack(state_folder: Path):
    items = [*await stage("OPER_AUX_ECMWFD_PDMC"), *await stage("AX___OSF_AX")]
    archives = files(state_folder)
    assert {path.suffix for path in archives} == {".TGZ", ".zip"}

    # The function takes the environment from around it, or by name, and leaves the archive.
    async with opened(ENV):
        alone = await aux_unzip_decompress(items[0])

    @flow
    async def by_task() -> dict[str, Any]:
        return (await aux_unzip_decompress_task(items[0], env=ENV)).to_dict()

    again = await by_task()
    assert alone.to_dict() == again
    assert set(archives) < set(files(state_folder))

    ended = await unpack()
    assert (ended.type, ended.name) == ("COMPLETED", "Completed")
    unpacked = list(await ended.aresult())
    assert {item.id for item in unpacked} == {item.id for item in items}
    kept = files(state_folder)
    assert not set(archives) & set(kept)
    assert not [path for path in kept if ".part" in str(path)]
    for item in unpacked:
        check(item)

    ended = await unpack([items[0].id])
    assert ended.name == "NothingToUnpack"
    ended = await unpack(["absent", items[0].id])
    assert (ended.type, ended.name) == ("FAILED", "PartiallyUnpacked")
    with pytest.raises(PartialError, match="absent: it is not in demo:aux"):
        await ended.aresult()


async def test_without_an_environment():
    item = Item("i", None, None, datetime(2025, 1, 1, tzinfo=UTC), {})
    with pytest.raises(InvalidInputError, match="no environment is open"):
        await aux_unzip_decompress(item)
