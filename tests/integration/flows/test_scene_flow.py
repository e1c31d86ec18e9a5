"""The flows that choose: one type by a policy, and all that a scene needs by a table."""

import json
from pathlib import Path
from typing import Any

import pytest
from flow_runs import Run, run

from eoflows.base.errors import InvalidInputError, PartialError
from eoflows.flows.stage_aux import on_demand_aux_staging
from eoflows.flows.stage_aux_for_scene import stage_aux_for_scene
from eoflows.products.selection import PolicyName
from eoflows.sandbox import Fault

# Prefect leaves connections to its own server to the garbage collector.
pytestmark = [pytest.mark.anyio, pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")]

S1 = "S1A_IW_RAW__0SDV_20250805T100000_20250805T100030_043829_053B7F_203C"
S3 = "S3A_OL_0_EFR____20250807T115112_20250807T115412_20250807T134208_0179_129_080______PS1_O_NR_004.SEN3"


def outcomes(done: Run) -> dict[str, tuple[str, str]]:
    """The outcome and product type of each auxiliary input; rows of products come after them."""
    rows = done.artifacts["stage-aux-for-scene"]["data"]
    return {row["auxiliary"]: (row["outcome"], row["type"]) for row in rows if "item" not in row}


async def test_a_policy_chooses_one_of_those_that_fit_and_says_why(place: Any):
    done = await run(
        on_demand_aux_staging,
        place.env,
        "2025-08-05T10:00:00Z",
        "2025-08-05T10:05:00Z",
        "OPER_AUX_RESORB_OPOD",
        "s1-aux",
        policy=PolicyName.LATEST_VAL_INTERSECT,
        margin_before_seconds=6000,
        platform="sentinel-1a",
    )
    assert (done.state.type, done.state.name) == ("COMPLETED", "Completed")
    succeeded, items = await done.result()
    assert (succeeded, len(items)) == (True, 1)
    rows = {row["item"]: row for row in done.artifacts["aux-staging"]["data"]}
    winner = rows.pop(items.items[0].id)
    assert winner["outcome"] == "staged"
    assert "latest created of 2 that fit" in winner["why"]
    assert any(winner["item"] in row["why"] for row in rows.values())
    assert {row["outcome"] for row in rows.values()} == {"passed over"}


async def test_a_scene_gets_all_that_its_table_names(place: Any):
    planned = await run(stage_aux_for_scene, place.env, "aux", S1, plan_only=True)
    assert planned.state.name == "Planned"
    assert outcomes(planned)["orbit"] == ("would be staged", "AUX_POEORB")
    assert not place.files("aux")

    done = await run(stage_aux_for_scene, place.env, "aux", S1)
    assert (done.state.type, done.state.name) == ("COMPLETED", "Completed")
    assert outcomes(done) == {
        "orbit": ("staged", "AUX_POEORB"),
        "processing parameters": ("staged", "AUX_PP2"),
        "calibration (optional)": ("absent", ""),
        "instrument (optional)": ("absent", ""),
        "on-board configuration (optional)": ("staged", "OPER_AUX_OBMEMC_PDMC"),
    }
    succeeded, items = await done.result()
    assert (succeeded, len(items), len(place.files("aux"))) == (True, 3, 3)

    again = await run(stage_aux_for_scene, place.env, "aux", S1)
    assert {outcome for outcome, _ in outcomes(again).values()} == {"already there", "absent"}


async def test_a_scene_that_lacks_something_is_not_complete(place: Any, tmp_path: Path):
    one = {"name": "orbit scenario", "dTa": 6000, "alternatives": [{"product_type": "AX___OSF_AX"}]}
    other = {"name": "nowhere to be found", "alternatives": [{"product_type": "AX___XXX_AX"}]}
    rule = {"mission": "sentinel-3", "product_types": ["*"], "inputs": [one, other]}
    mine = tmp_path / "mine.json"
    mine.write_text(json.dumps({"title": "mine", "rules": [rule]}))
    done = await run(stage_aux_for_scene, place.env, "aux", S3, table=str(mine), on_failure="fail")
    assert (done.state.type, done.state.name) == ("FAILED", "PartiallyStaged")
    assert len(place.files("aux")) == 1
    with pytest.raises(PartialError, match="nowhere to be found: absent"):
        await done.result()


async def test_an_orbit_that_could_not_be_asked_for_is_not_replaced_by_a_worse_one(place: Any):
    """The first search gets no answer, however often it is sent; all later ones would."""
    with place.box.faults.active(
        Fault("unavailable", path="/auxip/search", times=5, parameters={"retry_after": 0})
    ):
        done = await run(stage_aux_for_scene, place.env, "aux", S1)
    assert (done.state.type, done.state.name) == ("COMPLETED", "PartiallyStaged")
    assert outcomes(done)["orbit"] == ("unreachable", "")
    assert outcomes(done)["processing parameters"] == ("staged", "AUX_PP2")
    assert (await done.result())[0] is False


async def test_what_an_earlier_run_did_not_bring_is_tried_again_and_nothing_else(place: Any):
    with place.box.faults.active(
        Fault("unavailable", path="/auxip/search", times=5, parameters={"retry_after": 0})
    ):
        first = await run(stage_aux_for_scene, place.env, "aux", S1)
    assert first.state.name == "PartiallyStaged"
    failed = str(first.state.state_details.flow_run_id)

    planned = await run(stage_aux_for_scene, place.env, "aux", S1, from_run=failed, plan_only=True)
    assert outcomes(planned) == {"orbit": ("would be staged", "AUX_POEORB")}
    again = await run(stage_aux_for_scene, place.env, "aux", S1, from_run=failed)
    assert (again.state.type, again.state.name) == ("COMPLETED", "Completed")
    assert outcomes(again) == {"orbit": ("staged", "AUX_POEORB")}
    assert (await again.result())[0] is True

    done = str(again.state.state_details.flow_run_id)
    for run_id, scene, words in (
        (done, S1, "nothing failed in run"),
        (failed, S3, "was for '.*S1A_IW_RAW"),
        ("0" * 36, S1, "left no table"),
    ):
        refused = await run(stage_aux_for_scene, place.env, "aux", scene, from_run=run_id)
        with pytest.raises(InvalidInputError, match=words):
            await refused.result()
