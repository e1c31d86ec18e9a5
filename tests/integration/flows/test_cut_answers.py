"""A source that gives fewer products than it has: never a plain success, and never a guess."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flow_runs import ORBIT, run

from eoflows.base.errors import InvalidInputError, PartialError, TruncatedError
from eoflows.deployments.register import write_sandbox
from eoflows.flows.search_aux import search
from eoflows.flows.stage_aux import aux_staging, on_demand_aux_staging
from eoflows.flows.stage_aux_for_scene import stage_aux_for_scene
from eoflows.flows.stage_systematically import systematic_aux_staging
from eoflows.products.environment import FlowEnvArgs
from eoflows.products.selection import PolicyName
from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.sandbox.settings import StationSettings

pytestmark = pytest.mark.anyio

ENV = FlowEnvArgs(owner_id="demo", environment="sandbox")
SPAN = ("2025-08-04T10:00:00Z", "2025-08-05T10:05:00Z")
S1 = "S1A_IW_RAW__0SDV_20250805T100000_20250805T100030_043829_053B7F_203C"
MOST = 2
CAME = 2 * MOST
"""The second reading, in another order, is cut as well, and has others."""


@pytest.fixture(scope="module")
def state(blocks_of_the_sandbox: Path, flow_box: Sandbox, tmp_path_factory: Any) -> Iterator[Path]:
    """The environment `sandbox`, with stations that give two products for a search and say nothing."""
    folder = tmp_path_factory.mktemp("cut")
    settings = SandboxSettings(days=6, stations={"auxip": StationSettings(most_results=MOST)})
    with Sandbox(settings) as box:
        asyncio.run(write_sandbox(box.url, box.other_url, folder))
        yield folder
    asyncio.run(write_sandbox(flow_box.url, flow_box.other_url, blocks_of_the_sandbox))


def files(state: Path, collection: str) -> list[Path]:
    return [path for path in (state / "storage/demo" / collection).rglob("*") if path.is_file()]


async def test_a_search_gives_what_came_and_says_that_it_is_not_all(state: Path):
    done = await run(search, ENV, {"filter": ORBIT})
    assert (done.state.type, done.state.name) == ("COMPLETED", "Incomplete")
    assert len(await done.result()) == CAME
    assert f"its pages ended after {MOST}" in done.state.message
    limited = await run(search, ENV, {"filter": ORBIT, "limit": MOST})
    assert limited.state.name == "Completed"


async def test_what_came_is_staged_and_the_run_is_no_success(state: Path):
    done = await run(aux_staging, ENV, {"filter": ORBIT}, "plain", on_failure="fail")
    assert (done.state.type, done.state.name) == ("FAILED", "PartiallyStaged")
    with pytest.raises(PartialError, match="items match, and its pages ended"):
        await done.result()
    assert len(files(state, "plain")) == CAME
    (table,) = (state / "storage/demo/_runs").glob(f"*-{str(done.state.state_details.flow_run_id)[:8]}.jsonl")
    assert "items match" in json.loads(table.read_text().splitlines()[-1])["summary"]["cut"]

    run_id = str(done.state.state_details.flow_run_id)
    again = await run(aux_staging, ENV, {"filter": ORBIT}, "plain", from_run=run_id)
    with pytest.raises(InvalidInputError, match="not all were looked at"):
        await again.result()


async def test_a_policy_that_looks_at_each_product_alone_takes_what_came(state: Path):
    wanted = (*SPAN, "OPER_AUX_RESORB_OPOD", "each")
    done = await run(on_demand_aux_staging, ENV, *wanted, policy=PolicyName.VAL_INTERSECT)
    assert (done.state.type, done.state.name) == ("COMPLETED", "PartiallyStaged")
    assert (await done.result())[0] is False
    assert len(files(state, "each")) == CAME


async def test_a_policy_that_ranks_chooses_nothing(state: Path):
    wanted = (*SPAN, "OPER_AUX_RESORB_OPOD", "best")
    done = await run(on_demand_aux_staging, ENV, *wanted, policy=PolicyName.LATEST_VAL_INTERSECT)
    assert done.state.type == "FAILED"
    with pytest.raises(TruncatedError):
        await done.result()
    assert not files(state, "best")


async def test_a_scene_does_not_fall_back_on_a_worse_orbit(state: Path, tmp_path: Path):
    orbit = {
        "name": "orbit",
        "policy": "ValIntersect",
        # Covers far more than the two that come.
        "dTa": 400_000,
        "dTb": 400_000,
        "alternatives": [
            {"product_type": "AUX_POEORB", "policy": "LatestValIntersect"},
            {"product_type": "AX"},
        ],
    }
    rule = {"mission": "sentinel-1", "product_types": ["*"], "inputs": [orbit]}
    table = tmp_path / "mine.json"
    table.write_text(json.dumps({"title": "mine", "rules": [rule]}))
    done = await run(stage_aux_for_scene, ENV, "scene", S1, table=str(table))
    (row,) = done.artifacts["stage-aux-for-scene"]["data"]
    assert row["outcome"] == "unreachable"
    assert "items match" in row["why"]
    assert not files(state, "scene")


async def test_a_watermark_does_not_pass_a_listing_that_was_cut(state: Path):
    span: dict[str, Any] = {"start": "2025-08-01T00:00:00Z", "end": "2025-10-01T00:00:00Z"}
    span["product_types"] = ["OPER_AUX_RESORB_OPOD"]
    done = await run(systematic_aux_staging, ENV, "systematic", **span)
    assert done.state.type == "FAILED"
    with pytest.raises(TruncatedError):
        await done.result()
