"""The stand-in's documents have the shape of the recorded ones."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eoflows.sandbox.up42.answers import problem
from eoflows.sandbox.up42.auth import Tokens
from eoflows.sandbox.up42.jobs import JobStore
from eoflows.sandbox.up42.processes import PROCESSES, cost_document, schema_error
from eoflows.sandbox.up42.settings import Up42Settings

RECORDS = Path(__file__).parents[5] / "shared" / "data" / "up42"
PROCESS = {process.id: process for process in PROCESSES}

pytestmark = pytest.mark.skipif(not RECORDS.exists(), reason="the shared data are not here")


def record(name):
    return json.loads((RECORDS / f"{name}.json").read_text())


def answers(name):
    found = record(name)["response"]
    return [one["json"] for one in (found if isinstance(found, list) else [found])]


def shape(value):
    """Types instead of values; an int counts as a number; lists are shown by their first member."""
    if isinstance(value, dict):
        return {name: shape(part) for name, part in value.items()}
    if isinstance(value, list):
        return [shape(part) for part in value[:1]]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return type(value).__name__


def holds(part, whole):
    """Whether all that a recorded shape has is in another."""
    if isinstance(part, dict):
        return isinstance(whole, dict) and all(
            name in whole and holds(one, whole[name]) for name, one in part.items()
        )
    return part == whole


def test_token():
    settings = Up42Settings()
    tokens = Tokens(settings.users, settings.token_lifetime, lambda: datetime.now(UTC), "secret")
    form = {"grant_type": "password", "username": "demo", "password": "demo-password"}
    told = tokens.grant({**form, "client_id": "up42-sdk"})
    (recorded,) = answers("01_token")
    assert holds(shape(recorded), shape(told))
    assert told["expires_in"] == recorded["expires_in"]


def test_process():
    (recorded,) = answers("03_process")
    assert holds(shape(recorded), shape(PROCESS["upsampling-ns"].document(1)))
    (described,) = answers("04_process_description_coregistration")
    own = PROCESS["coregistration-simularity"].document(1)
    assert set(described) <= set(own)
    for name, about in described["inputs"].items():
        assert holds(shape(about), shape(own["inputs"][name]))
        assert about["schema"] == own["inputs"][name]["schema"]


def test_validation():
    (recorded,) = answers("06_validation_400")
    text = schema_error(PROCESS["upsampling-ns"], record("06_validation_400")["request"]["json"]["inputs"])
    assert problem(400, "Bad Request", **{"schema-error": text}).document == recorded
    (full, _) = answers("07_validation_422")
    errors = [{"name": "InvalidTitle", "message": "title is too long"}]
    assert problem(422, "Unprocessable Entity", errors=errors).document == full


def test_cost():
    area, flat, _ = answers("08_cost")
    assert cost_document(PROCESS["pansharpening"], 4, [15.8]) == area
    assert cost_document(PROCESS["true-color-conversion"], 1, [15.8]) == flat


def test_execution():
    (recorded,) = answers("09_execution")
    settings = Up42Settings()
    store = JobStore(settings, lambda: datetime(2025, 1, 2, 3, 4, 5, 678123, UTC), lambda job: "")
    job = store.create(
        process_id=recorded["processID"],
        account=settings.users["demo"].account,
        workspace=recorded["workspaceID"],
        budget=None,
        inputs=recorded["definition"]["inputs"],
        credits=1,
        errors=(),
        path=(),
    )
    own = job.metadata(settings)
    assert shape(own) == shape(recorded)
    assert len(own["created"]) == len(recorded["created"])
    differing = {"jobID", "created", "updated"}
    assert {name for name in own if own[name] != recorded[name]} == differing
