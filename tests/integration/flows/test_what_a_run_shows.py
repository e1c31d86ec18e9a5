"""One run leaves one table, one progress and one link, however many stagings are inside it."""

from collections import Counter
from typing import Any

import anyio
import pytest
from flow_runs import ORBIT, Run, run
from prefect import flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

from eoflows.flows.stage_aux_for_scene import stage_aux_for_scene
from eoflows.products.environment import FlowEnvArgs
from eoflows.sandbox import Fault
from eoflows.tasks.stage import aux_staging_task

# Prefect leaves connections to its own server to the garbage collector.
pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")]

S1 = "S1A_IW_RAW__0SDV_20250805T100000_20250805T100030_043829_053B7F_203C"


async def cards(done: Run) -> Counter[tuple[str, str]]:
    """Count the artifacts of a run by key and type."""
    mine = ArtifactFilterFlowRunId(any_=[done.state.state_details.flow_run_id])
    async with get_client() as client:
        found = await client.read_artifacts(artifact_filter=ArtifactFilter(flow_run_id=mine))
    return Counter((str(one.key), str(one.type)) for one in found)


@flow(name="several-stagings")
async def several(env: FlowEnvArgs, limits: list[int], together: bool) -> None:
    """Stage some orbits, then more of them, or all at a time."""

    async def one(limit: int) -> None:
        search = {"filter": ORBIT, "sortby": "-created", "limit": limit}
        await aux_staging_task(env, search, f"aux-{limit}")

    if not together:
        for limit in limits:
            await one(limit)
        return
    async with anyio.create_task_group() as group:
        for limit in limits:
            group.start_soon(one, limit)


@pytest.mark.parametrize("together", [False, True])
async def test_several_stagings_of_one_run_share_what_it_shows(place: Any, together: bool) -> None:
    done = await run(several, place.env, [1, 2, 3], together)
    assert await cards(done) == {
        ("aux-staging-progress", "progress"): 1,
        ("aux-staging", "table"): 1,
        ("aux-staging-products", "markdown"): 1,
    }
    table, progress = done.artifacts["aux-staging"], done.artifacts["aux-staging-progress"]
    assert [row["outcome"] for row in table["data"]] == ["staged"] * 6
    assert all(f"{limit} found in auxip" in table["text"] for limit in (1, 2, 3))
    assert progress["data"] == 100
    for limit in (1, 2, 3):
        assert f"{limit} of {limit} products" in progress["text"]
        assert f"/demo/aux-{limit}" in done.artifacts["aux-staging-products"]["data"]


async def test_what_failed_in_a_later_staging_comes_first(place: Any) -> None:
    newest = max(
        (one for one in place.box.stations["auxip"].products if one.product_type == "AUX_POEORB"),
        key=lambda one: one.name,
    )
    await run(several, place.env, [12], False)
    bad = Fault("wrong_checksum", f"/auxip/Products({newest.uuid})/$value")
    with place.box.faults.active(bad):
        done = await run(several, place.env, [12, 11], False)
    rows = done.artifacts["aux-staging"]["data"]
    assert [row["outcome"] for row in rows].index("already there") == sum(
        row["outcome"] == "failed" for row in rows
    )


async def test_a_scene_leaves_three_cards_at_most_and_each_staging_counts_its_own(place: Any) -> None:
    done = await run(stage_aux_for_scene, place.env, "aux", S1)
    assert await cards(done) == {
        ("stage-aux-for-scene-progress", "progress"): 1,
        ("stage-aux-for-scene", "table"): 1,
    }
    rows = done.artifacts["stage-aux-for-scene"]["data"]
    products = [row for row in rows if row.get("item")]
    assert {row["auxiliary"] for row in products if row["outcome"] == "staged"} == {
        *("orbit", "processing parameters", "on-board configuration")
    }
    assert [row for row in rows if not row.get("item")] == rows[: len(rows) - len(products)]
    words = done.artifacts["stage-aux-for-scene-progress"]["text"]
    assert words.startswith("5 of 5 auxiliary inputs, ")
    assert "0 of 0 products" not in words
