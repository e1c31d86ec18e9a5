"""What prefect.yaml describes, and which of it is deployed."""

from typing import Any

import pytest
import yaml
from prefect.flows import load_flow_from_entrypoint

from eoflows.deployments.deploy import chosen, switched
from eoflows.deployments.errors import StackError
from eoflows.deployments.package import PREFECT_FILE

DESCRIBED = yaml.safe_load(PREFECT_FILE.read_text())


def names(*wanted: str) -> list[tuple[str, str]]:
    found = chosen(DESCRIBED, wanted)["deployments"]
    return [(each["entrypoint"].rpartition(".")[2], each["name"]) for each in found]


def test_nothing_is_fetched_before_a_run_and_each_flow_is_a_modules() -> None:
    assert DESCRIBED["pull"] == []
    for each in DESCRIBED["deployments"]:
        assert "pull" not in each
        flow = load_flow_from_entrypoint(each["entrypoint"], use_placeholder_flow=False)
        assert flow.fn.__module__.startswith("eoflows.flows.")


def test_a_name_stands_for_all_flows_that_have_it() -> None:
    assert len(names()) == len(DESCRIBED["deployments"])
    assert {name for _, name in names("sandbox", "sandbox-service")} == {"sandbox", "sandbox-service"}
    assert len(names("default")) + len(names("sandbox", "sandbox-service")) == len(names())


def test_a_full_name_stands_for_one() -> None:
    assert names("on-demand-aux-staging/sandbox") == [("on_demand_aux_staging", "sandbox")]
    assert names("search-aux/sandbox") == [("search", "sandbox")]
    both = names("search/sandbox", "aux-staging/default")
    assert both == [("search", "sandbox"), ("aux_staging", "default")]


def test_the_rest_of_the_file_stays() -> None:
    assert chosen(DESCRIBED, ["default"])["pull"] == []


def test_an_unknown_name_is_named() -> None:
    with pytest.raises(StackError, match=r"^prefect.yaml has no deployment nothing/sandbox, xyz$"):
        chosen(DESCRIBED, ["xyz", "default", "nothing/sandbox"])


def test_schedules_stay_as_somebody_has_switched_them() -> None:
    entry_point = "eoflows.flows.track_jobs.track_jobs"

    def active(document: dict[str, Any]) -> dict[str, list[bool]]:
        return {
            each["name"]: [schedule["active"] for schedule in each["schedules"]]
            for each in document["deployments"]
            if each["entrypoint"] == entry_point
        }

    assert active(switched(DESCRIBED, {})) == active(DESCRIBED) == {"default": [False], "sandbox": [False]}
    there = {(entry_point, "sandbox"): {"often": True, "of-mine": True}}
    assert active(switched(DESCRIBED, there)) == {"default": [False], "sandbox": [True]}
