"""The deployments of prefect.yaml, run by a real server and worker against the sandbox."""

import json
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from runs import Runs
from shared_stack import SharedStack

SECRETS = ("sandbox-demo-key", "demo-password")
ENV = {"owner_id": "demo", "environment": "sandbox"}


def of_type(product_type: str, **envelope: Any) -> dict[str, Any]:
    """Search one product type; tests that order faults have one of their own, for they share the sandbox."""
    return {"filter": {"op": "=", "args": [{"property": "product:type"}, product_type]}, **envelope}


@pytest.fixture
def collection() -> str:
    return f"test-{uuid.uuid4().hex[:8]}"


def admin(stack: SharedStack, method: str, path: str, json: Any = None) -> Any:
    answer = httpx.request(method, f"{stack.sandbox}/_sandbox/{path}", json=json, trust_env=False)
    return answer.raise_for_status().json() if answer.content else None


@contextmanager
def faults(stack: SharedStack, *ordered: dict[str, Any]) -> Iterator[list[str]]:
    """Order faults, and take them back."""
    ids = admin(stack, "POST", "faults", ordered)["ids"]
    try:
        yield ids
    finally:
        for one in ids:
            admin(stack, "DELETE", f"faults/{one}")


def found_paths(stack: SharedStack, search: dict[str, Any]) -> dict[str, str]:
    """Search as a stranger would: item ids and the paths of their products."""
    body = {"filter-lang": "cql2-json", **search}
    headers = {"x-api-key": SECRETS[0]}
    answer = httpx.post(f"{stack.sandbox}/auxip/search", json=body, headers=headers, trust_env=False)
    features = answer.raise_for_status().json()["features"]
    hrefs = {item["id"]: next(iter(item["assets"].values()))["href"] for item in features}
    return {item: href.removeprefix(stack.sandbox) for item, href in hrefs.items()}


def files(stack: SharedStack, collection: str) -> set[Path]:
    return {path for path in (stack.state / "storage/demo" / collection).rglob("*") if path.is_file()}


def catalogued(stack: SharedStack, collection: str) -> list[dict[str, Any]]:
    parameters = {"collections": f"demo:{collection}", "limit": 1000}
    answer = httpx.get(f"{stack.catalog}/search", params=parameters, trust_env=False)
    return answer.raise_for_status().json()["features"]


@pytest.mark.gate("stage")
def test_on_demand_then_again(stack: SharedStack, runs: Runs, collection: str) -> None:
    name = "on-demand-aux-staging/sandbox"
    first = runs.start(name, catalog_collection_identifier=collection)
    state = runs.wait(first)
    assert state["type"] == "COMPLETED", state["message"]
    assert state["message"] == "11 found in auxip: 11 staged."
    assert len(files(stack, collection)) == len(catalogued(stack, collection)) == 11

    artifacts = runs.artifacts(first)
    assert artifacts["aux-staging-progress"]["data"] == 100.0
    rows = json.loads(artifacts["aux-staging"]["data"])
    assert len(rows) == 11
    assert {row["outcome"] for row in rows} == {"staged"}

    again = runs.wait(runs.start(name, catalog_collection_identifier=collection))
    assert again["message"] == "11 found in auxip: 11 already there."


@pytest.mark.gate("search")
def test_search_deployment(runs: Runs) -> None:
    run = runs.start("search-aux/sandbox")
    assert runs.wait(run)["type"] == "COMPLETED"
    assert len(json.loads(runs.artifacts(run)["aux-search"]["data"])) == 20


def test_doctor_deployment(runs: Runs) -> None:
    run = runs.start("doctor/sandbox")
    state = runs.wait(run)
    assert (state["type"], state["message"]) == ("COMPLETED", "All 9 are well.")
    rows = {row["what"]: row["seen"] for row in json.loads(runs.artifacts(run)["doctor"]["data"])}
    assert rows["leases"].startswith("outlive a restart of the server: ")


def test_partial_run_fails_and_only_what_failed_runs_again(
    stack: SharedStack, runs: Runs, collection: str
) -> None:
    search = of_type("AUX_PP2")
    options = {"cql2_filter": search, "catalog_collection_identifier": collection}
    products = found_paths(stack, search)
    spoiled, count = next(iter(products)), len(products)
    with faults(stack, {"kind": "wrong_checksum", "path": products[spoiled]}):
        run = runs.start("aux-staging/sandbox", **options)
        state = runs.wait(run)
    assert (state["type"], state["name"]) == ("FAILED", "PartiallyStaged")
    assert state["message"] == f"{count} found in auxip: {count - 1} staged, 1 failed."
    rows = json.loads(runs.artifacts(run)["aux-staging"]["data"])
    assert (rows[0]["item"], rows[0]["outcome"]) == (spoiled, "failed")
    assert "md5" in rows[0]["why"]
    assert spoiled not in {item["id"] for item in catalogued(stack, collection)}

    state = runs.wait(runs.start("aux-staging/sandbox", **options, from_run=run))
    assert state["message"] == "1 found in auxip: 1 staged."
    assert len(catalogued(stack, collection)) == count


def test_no_secret_is_kept(runs: Runs) -> None:
    stored = json.dumps(runs.ask("POST", "/deployments/filter", {}))
    run = runs.start("search-aux/sandbox")
    runs.wait(run)
    seen = json.dumps([runs.ask("GET", f"/flow_runs/{run}"), runs.artifacts(run), runs.logs(run)])
    assert not [secret for secret in SECRETS if secret in stored + seen]


def test_two_runs_at_once_end_with_one_good_product_each(
    stack: SharedStack, runs: Runs, collection: str
) -> None:
    search = of_type("OPER_AUX_RESORB_OPOD", limit=12)
    slow = [
        {"kind": "slow", "path": path, "parameters": {"rate": 100_000}}
        for path in found_paths(stack, search).values()
    ]
    options = {"cql2_filter": search, "catalog_collection_identifier": collection}
    with faults(stack, *slow):
        # Deployments without a limit: none holds back the other, nor do those of other tests.
        twins = [runs.twin("aux-staging/sandbox", f"{collection}-{n}") for n in range(2)]
        started = [runs.start(twin, env=ENV, **options) for twin in twins]
        states = [runs.wait(run) for run in started]
    assert [state["type"] for state in states] == ["COMPLETED", "COMPLETED"]
    items = catalogued(stack, collection)
    assert len(items) == len({item["id"] for item in items}) == len(files(stack, collection)) == 12
    for item in items:
        (asset,) = item["assets"].values()
        assert Path(asset["href"].removeprefix("file://")).stat().st_size == asset["file:size"]


def test_cancelled_run_stops_within_ten_seconds(stack: SharedStack, runs: Runs, collection: str) -> None:
    search = of_type("OPER_AUX_PREORB_OPOD", limit=6)
    paths = list(found_paths(stack, search).values())
    crawl = [{"kind": "slow", "path": path, "parameters": {"rate": 1_000}} for path in paths]
    with faults(stack, *crawl) as ids:

        def struck() -> int:
            listed = admin(stack, "GET", "faults")["faults"]
            return sum(one["struck"] for one in listed if one["id"] in ids)

        def given_up() -> int:
            entries = admin(stack, "GET", "log?path=/auxip/Products")["entries"]
            return sum(entry["aborted"] for entry in entries if entry["path"] in paths)

        options = {"cql2_filter": search, "catalog_collection_identifier": collection}
        run = runs.start("aux-staging/sandbox", **options)
        wait_until(lambda: struck() == len(paths), "all downloads began")
        cancelled = time.monotonic()
        runs.ask("POST", f"/flow_runs/{run}/set_state", {"state": {"type": "CANCELLING"}})
        wait_until(lambda: given_up() == len(paths), "all connections were closed")
        assert time.monotonic() - cancelled < 10
        assert runs.wait(run)["type"] == "CANCELLED"
    assert catalogued(stack, collection) == []
    assert not [path for path in files(stack, collection) if not path.name.startswith(".")]


def wait_until(condition: Any, what: str, timeout: float = 60) -> None:
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen in {timeout} s"
        time.sleep(0.05)
