"""What an installation of the old release has to lose: made by its own flows and by its API, as users do."""

import json
import re
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from old_release import OldRelease
from runs import Runs

ENDED = frozenset({"PAUSED", "COMPLETED", "FAILED", "CRASHED", "CANCELLED"})
LONG = 1_000_000_000
"""Seconds that a job takes which is not to end."""
OWN = "mine"
"""Name of what a user has made."""

MADE = {
    "dummy": r"/dummy/[^/]+/jobs",
    "ogc-processes": r"/ogc/processes/[^/]+/execution",
    "rs-server": r"/processes/[^/]+/execution",
    "up42": r"/up42/v2/processing/processes/[^/]+/execution",
    "earth-engine": r"/v1/projects/[^/]+/image:export",
    "geo-engine": r"/geoengine/0\.10/datasetFromProcessingGraph/[^/]+",
}
"""Paths to which a POST makes a job, by service."""
FETCHED = r"/(auxip|prip|cadip|cdse)/.*\$value"
"""Paths of products."""

OWN_BLOCKS: dict[str, dict[str, Any]] = {
    "rs-server-credentials": {"user": "ada", "api_key": "rs-key-of-ada"},
    "eo-oauth2-credentials": {
        "token_url": "https://sso.example.org/token",
        "user": "ada",
        "password": "oauth2-password-of-ada",
    },
    "up42-credentials": {"username": "ada", "password": "up42-password-of-ada"},
    "ogc-processes-server": {
        "url": "https://ogc.example.org/api",
        "auth": "bearer",
        "secret": "ogc-token-of-ada",
    },
    "geo-engine-server": {
        "url": "https://geo.example.org/api",
        "login": "password",
        "user": "ada@example.org",
        "secret": "geo-password-of-ada",
    },
    "eo-google-credentials": {
        "account": "ada@example.iam.gserviceaccount.com",
        "key": json.dumps(
            {
                "type": "service_account",
                "client_email": "ada@example.iam.gserviceaccount.com",
                "private_key": "key-of-ada",
            }
        ),
    },
    "eo-s3-bucket": {
        "bucket": "products",
        "endpoint": "https://s3.example.org",
        "access_key": "ada",
        "secret_key": "s3-key-of-ada",
    },
}
"""Blocks that a user made in the UI, with their secrets, by slug of their type."""

FEW = {"filter": {"op": "=", "args": [{"property": "product:type"}, "AX___OSF_AX"]}, "limit": 3}
ON = ["track-jobs/sandbox", "aux-staging/sandbox"]
"""Deployments of prefect.yaml whose schedules a user has switched on; so is that of the user's own."""


def dummy(place: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Parameters of a run that makes a job of the made-up service and leaves it."""
    asked = {"service": "dummy", "process": "wait", "inputs": inputs}
    return {"server": f"dummy-server/{place}", "requests": [asked], "wait_seconds": 0, "fetch": "later"}


def staged(**more: Any) -> dict[str, Any]:
    """Parameters of a run that stages a few small products."""
    return {"cql2_filter": FEW, "catalog_collection_identifier": "s3-aux", **more}


OPEN: list[tuple[str, dict[str, Any]]] = [
    ("run-job/sandbox", dummy("sandbox-token", {"n": "token", "seconds": LONG})),
    ("run-job/sandbox", dummy("sandbox-inputs", {"n": "inputs", "seconds": LONG})),
    ("run-job/sandbox", dummy("sandbox-listing", {"n": "listing", "seconds": LONG})),
    (
        "run-process/sandbox",
        {"process_id": "slow", "inputs": {"steps": 1, "seconds": 3600}, "wait_seconds": 0},
    ),
    ("run-up42-job/sandbox", {"title": "Open", "run_key": "open", "budget": "trees", "wait_seconds": 0}),
    ("order-pre-ard/sandbox", {}),
    ("save-dataset/sandbox", {"wait_seconds": 0}),
]
"""Runs that leave an open job at a service. Asked for again, they find it."""
UNKNOWN = dummy("sandbox-none", {"n": "unknown", "seconds": LONG})
"""Parameters of a run whose job nobody knows of, since its answer was lost."""
WAITING = (
    "run-up42-job/sandbox",
    {"title": "Dear", "run_key": "dear", "approval": "always", "wait_seconds": 0},
)
"""A run that a person has to approve; nearly for ever."""

_ACCEPTED = """
import json, sys
import blocks

kinds = [getattr(blocks, name) for name in blocks.__all__]
made = json.loads(sys.argv[1])
read = [kind.model_validate(made.pop(slug)) for kind in kinds if (slug := kind.get_block_type_slug()) in made]
assert read and not made, made
"""
"""Has the old release read blocks, which are given by the slugs of their types."""


class OldWorld:
    """An installation of the old release, beside a sandbox that it works with."""

    def __init__(self, old: OldRelease, environment: dict[str, str], sandbox: str, runs: Runs) -> None:
        self._old, self._environment, self._sandbox, self._runs = old, environment, sandbox, runs
        self.waiting = ""
        """The run that waits for approval."""

    def fill(self) -> None:
        """Make it all, and leave it as one leaves an installation to update it: its pool paused."""
        self._blocks()
        self._run("set-budget/sandbox", {"name": "trees", "credits": 1000})
        self._jobs()
        self._deployments()
        for command in (["automations", "--deployment", "sandbox"], ["limits", "station.example.org=4"]):
            module, *arguments = command
            self._old.run("-m", f"deployments.{module}", *arguments, environment=self._environment)
        # What a run holds that died: its server kept in memory who it was.
        held = {"names": ["host-station.example.org"], "slots": 1, "mode": "concurrency"}
        self._runs.ask("POST", "/v2/concurrency_limits/increment", held)
        self._staging_under_way()
        self._runs.ask("PATCH", "/work_pools/eoflows", {"is_paused": True})
        self._schedules()

    def _blocks(self) -> None:
        # Prefect's API looks only at their form: what that release itself refuses would be no fixture.
        self._old.run("-c", _ACCEPTED, json.dumps(OWN_BLOCKS))
        for slug, data in OWN_BLOCKS.items():
            kind = self._runs.ask("GET", f"/block_types/slug/{slug}")["id"]
            asked = {"block_schemas": {"block_type_id": {"any_": [kind]}}}
            schema = self._runs.ask("POST", "/block_schemas/filter", asked)[0]["id"]
            made = {"name": OWN, "data": data, "block_type_id": kind, "block_schema_id": schema}
            self._runs.ask("POST", "/block_documents/", made)

    def _jobs(self) -> None:
        self._lose_an_answer()
        over = dummy("sandbox-token", {"n": "over", "size": 77})
        # One after the other: Prefect's server has one writer on SQLite, and a request may wait too long.
        for name, parameters in [*OPEN, ("aux-staging/sandbox", staged()), ("run-job/sandbox", over)]:
            self._run(name, parameters)
        name, parameters = WAITING
        self.waiting = self._run(name, {**parameters, "approval_hours": 24 * 365 * 50}, "PAUSED")

    def _lose_an_answer(self) -> None:
        fault = {"kind": "lost_answer", "path": "/dummy/none-sandbox/jobs", "method": "POST", "times": 1}
        httpx.post(f"{self._sandbox}/_sandbox/faults", json=fault, trust_env=False).raise_for_status()
        self._run("run-job/sandbox", UNKNOWN, "FAILED")

    def _run(self, name: str, parameters: dict[str, Any], wanted: str = "COMPLETED") -> str:
        run = self._runs.start(name, **parameters)
        state = self._runs.wait(run, ENDED, SECONDS)
        assert state["type"] == wanted, (name, state, self._runs.logs(run))
        return run

    def _deployments(self) -> None:
        """One of our flows deployed by the user, and a flow that is none of ours."""
        twin = self._runs.deployment(self._runs.twin("aux-staging/sandbox", OWN))
        changes = {
            "parameters": twin["parameters"] | staged(),
            "tags": ["ada"],
            "description": "A few a night",
            "concurrency_limit": 2,
            "work_pool_name": "eoflows",
            "work_queue_name": "urgent",
            "job_variables": {"env": {"ADA": "1"}},
        }
        self._runs.ask("PATCH", f"/deployments/{twin['id']}", changes)
        # Its one planned run is overdue when somebody carries this over.
        first = (datetime.now(UTC) + timedelta(minutes=5)).isoformat()
        daily = {"interval": 86400, "anchor_date": first}
        schedule = {"schedule": daily, "active": False, "slug": OWN}
        self._runs.ask("POST", f"/deployments/{twin['id']}/schedules", [schedule])
        flow = self._runs.ask("POST", "/flows/", {"name": "weekly-report"})["id"]
        own = {
            "name": OWN,
            "flow_id": flow,
            "entrypoint": "reports/weekly.py:weekly_report",
            "pull_steps": [
                {"prefect.deployments.steps.set_working_directory": {"directory": "/srv/reports"}}
            ],
            "work_pool_name": "eoflows",
        }
        self._runs.ask("POST", "/deployments/", own)

    def _staging_under_way(self) -> None:
        """Leave a run in the middle: the service stages slowly, and the run follows it."""
        fault = {"kind": "latency", "path": "/auxip/Products*", "parameters": {"seconds": 100}}
        httpx.post(f"{self._sandbox}/_sandbox/faults", json=fault, trust_env=False).raise_for_status()
        self._runs.start("aux-staging/sandbox-service", **staged())
        until(lambda: made(self._sandbox)["rs-server"] == 1, "the staging job")

    def _schedules(self) -> None:
        """Switch schedules on; of the runs that Prefect plans, one of each deployment is enough."""
        ids = []
        for name in [*ON, f"aux-staging/{OWN}"]:
            deployment = self._runs.deployment(name)
            ids.append(deployment["id"])
            for schedule in deployment["schedules"]:
                path = f"/deployments/{deployment['id']}/schedules/{schedule['id']}"
                self._runs.ask("PATCH", path, {"active": True})
        for one in ids:
            until(lambda one=one: bool(self._planned(one)), "a planned run")
            for run in self._planned(one)[1:]:
                self._runs.ask("DELETE", f"/flow_runs/{run['id']}")

    def _planned(self, deployment: str) -> list[dict[str, Any]]:
        asked = {
            "flow_runs": {
                "state": {"type": {"any_": ["SCHEDULED"]}},
                "deployment_id": {"any_": [deployment]},
            },
            "sort": "EXPECTED_START_TIME_ASC",
        }
        return self._runs.ask("POST", "/flow_runs/filter", asked)


SECONDS = 400.0


def until(condition: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    """Wait for something to become true."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not come in {seconds} s"
        time.sleep(0.1)


def made(sandbox: str) -> Counter[str]:
    """Count the requests that made jobs, by service, and the products that were `fetched`."""
    log = httpx.get(f"{sandbox}/_sandbox/log", trust_env=False).raise_for_status().json()
    return counted((entry["method"], entry["path"]) for entry in log["entries"])


def counted(requests: Any) -> Counter[str]:
    """Count requests, given as method and path."""
    found: Counter[str] = Counter()
    for method, path in requests:
        if method == "POST":
            found.update(service for service, made in MADE.items() if re.fullmatch(made, path))
        elif method == "GET" and re.fullmatch(FETCHED, path):
            found["fetched"] += 1
    return found
