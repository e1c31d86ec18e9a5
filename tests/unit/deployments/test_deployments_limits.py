"""Limits and heartbeats of the deployments, as prefect.yaml has them."""

from pathlib import Path
from typing import Any

import yaml

from eoflows.deployments.automations import MISSED
from eoflows.deployments.package import PREFECT_FILE

TRIED = Path(__file__).parents[2] / "integration" / "stack" / "limited" / "prefect.yaml"


def deployments(file: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(file.read_text())["deployments"]
    return found


def limits(file: Path) -> list[dict[str, Any]]:
    return [one["concurrency_limit"] for one in deployments(file) if "concurrency_limit" in one]


def test_every_limit_is_of_a_kind_that_a_restart_was_tried_with() -> None:
    ours, tried = limits(PREFECT_FILE), limits(TRIED)
    assert len(ours) > 20
    assert all(limit in tried for limit in ours)


def test_the_rescuer_cannot_be_caught_by_a_limit() -> None:
    rescuers = [one for one in deployments(PREFECT_FILE) if one["entrypoint"].endswith(".rerun_dead")]
    assert len(rescuers) == 2
    assert not any("concurrency_limit" in one for one in rescuers)


def test_every_heart_beats_three_times_before_its_run_counts_as_dead() -> None:
    beats = {
        int(one["work_pool"]["job_variables"]["env"]["PREFECT_FLOWS_HEARTBEAT_FREQUENCY"])
        for one in deployments(PREFECT_FILE)
    }
    assert 3 * max(beats) <= MISSED.total_seconds()
