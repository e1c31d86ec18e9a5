"""The official up42-py 4.3.0 works against the sandbox, and shows what real clients see."""

import pytest

from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.sandbox.up42.schedule import FAILED, Rule
from eoflows.sandbox.up42.settings import Up42Settings


@pytest.fixture
def good(up42):
    return up42.item_url(up42.sources()[0])


def test_login(up42, sdk):
    assert sdk(up42, "login") == {"workspace": up42.user().workspace, "wrong": "WrongCredentials"}


def test_the_other_region_is_a_service_of_its_own(box, sdk):
    south = box.up42_regions["sa"]
    before = box.up42.tokens.issued
    assert sdk(south, "login")["workspace"] == south.user().workspace
    assert (south.url, box.up42.tokens.issued) == (f"{box.url}/up42-sa", before)


def test_templates(up42, good, sdk):
    up42.terms.set_license("detection-ships-airbus", accepted=False)
    bad = up42.item_url(up42.sources()[1])
    assert sdk(up42, "templates", good=good, bad=bad, license="DetectionShipsAirbus") == {
        "cost": ["area", 63, 15.8, "SQ_KM"],
        "compares": [True, False, True],
        "schema": [["InvalidSchema", "data.inputs.title must be longer than or equal to 1 characters"]],
        "meaning": [["MissingPanchromaticAsset", "The panchromatic band is missing."]],
        "long": [["InvalidTitle", "title is too long"]],
        "license": [["EulaNotAccepted", "EULA for the process detection-ships-airbus not accepted."]],
        "absent": [["ProcessNotFound", "The process no-such-process does not exist."]],
        "flat": [1, 44],
        "two": [True, True],
        "no href": [["InvalidSchema", "data.inputs.item must be string"]],
    }


def test_a_job_from_execution_to_its_files(up42, good, sdk):
    found = sdk(up42, "life", good=good, title="Alps", budget="large")
    (job,) = up42.jobs.titled("Alps")
    status, credits, workspace, _ = found["first"]
    assert (status, credits, workspace) == ("created", None, up42.user().workspace)
    assert (job.id, job.budget, job.status) == (found["id"], "large", "successful")
    # This version ends at `successful`, whatever comes after it.
    assert (found["status"], found["credits"]) == ("successful", None)
    assert found["file"] == ["data.tif", 200_000]
    assert found["size"] == 200_000
    assert found["title"] == "Alps"
    assert [one[1] for one in found["items"]] == [job.id]
    assert up42.account().to_dict() == {
        "paid_in": 10_000,
        "balance": 9_937,
        "withheld": 63,
        "captured": 0,
        "released": 0,
    }
    assert up42.jobs.finish(job.id).status == "captured"
    assert (up42.account().captured, up42.account().withheld) == (63, 0)


def test_a_server_that_stops_at_successful(sdk):
    settings = Up42Settings(ending="successful")
    with Sandbox(SandboxSettings(days=0, up42=settings)) as box:
        up42 = box.up42
        found = sdk(up42, "life", good=up42.item_url(up42.sources()[0]), title="New")
        assert (found["status"], found["credits"]) == ("successful", 63)
        assert up42.account().captured == 63
        assert up42.jobs.titled("New")[0].path == []


@pytest.mark.parametrize(
    ("arrange", "ending", "released"),
    [
        (lambda up42: up42.terms.set_rules(Rule(title="Al*", path=FAILED)), "released", 63),
        (lambda up42: setattr(up42.account(), "paid_in", 62), "rejected", 0),
    ],
)
def test_jobs_that_end_badly(up42, good, sdk, arrange, ending, released):
    arrange(up42)
    found = sdk(up42, "life", good=good, title="Alps")
    assert (found["status"], found["credits"], found["errors"]) == (ending, None, [])
    account = up42.account()
    assert (account.balance, account.withheld, account.captured) == (account.paid_in, 0, 0)
    assert account.released == released


def test_lists(up42, login, run, sdk):
    demo, colleague, stranger = (login(up42, name) for name in ("demo", "colleague", "stranger"))
    mine = up42.user().workspace
    up42.terms.set_rules(Rule(title="bad", path=FAILED))
    made = [
        run(demo, title="a", workspaceId=mine),
        run(demo, title="bad", workspaceId=mine),
        run(demo, "true-color-conversion", title="c", workspaceId=mine),
        run(colleague, title="d", item=1, workspaceId=up42.user("colleague").workspace),
    ]
    ids = [answer.json()["jobID"] for answer in made]
    inputs = {"title": "e", "item": up42.item_url(up42.sources("stranger")[0])}
    theirs = stranger.post("/v2/processing/processes/upsampling-ns/execution", json={"inputs": inputs}).json()
    for job in ids:
        up42.jobs.finish(job)
    found = sdk(up42, "jobs", workspace=mine, ids=ids[1:3], theirs=theirs["jobID"])
    assert found == {
        "all": ids[::-1],
        "created": ids,
        "credits": [63, 1, None, None],
        "process": [ids[0], ids[1], ids[3]],
        "sorted": ["pansharpening"] * 3 + ["true-color-conversion"],
        "workspace": ids[2::-1],
        "status": [ids[1], ids[3]],
        "short": ids[:3],
        "long": [],
        "ids": ids[1:3],
        "get": ids[1],
        "absent": ["HTTPError", 404],
        "theirs": ["HTTPError", 404],
    }


@pytest.mark.parametrize(
    ("fault", "seen", "jobs"),
    [
        (Fault("lost_answer", path="*/execution"), ["ConnectionError", None], 1),
        (Fault("unavailable", path="*/execution"), ["HTTPError", 503], 0),
        (Fault("unavailable", path="*/execution", parameters={"takes_effect": True}), ["HTTPError", 503], 1),
        (Fault("throttle", path="*/execution"), ["HTTPError", 429], 0),
    ],
)
def test_execution_that_goes_wrong(box, up42, good, sdk, fault, seen, jobs):
    with box.faults.active(fault):
        assert sdk(up42, "execute", good=good, title="Once") == {"error": seen}
    assert len(up42.jobs.titled("Once")) == jobs


def test_an_asset_is_found_and_processed(up42, sdk):
    item = up42.sources()[0]
    found = sdk(up42, "source", asset=item.own["up42-system:asset_id"])
    assert found == {"items": [up42.item_url(item)], "errors": [], "credits": 16}
