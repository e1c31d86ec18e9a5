"""What the official SDK does not show: refusals, pages, signed URLs, limits, the tests' own interface."""

import re
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.sandbox.up42.schedule import Rule
from eoflows.sandbox.up42.settings import Up42Settings

REALM = "/realms/public/protocol/openid-connect"
PAN = "/v2/processing/processes/pansharpening"
JOBS = "/v2/processing/jobs"
FORM = {"grant_type": "password", "username": "demo", "password": "demo-password", "client_id": "up42-sdk"}


@pytest.mark.parametrize(
    ("changes", "status", "error"),
    [
        ({}, 200, None),
        ({"password": "no"}, 401, "invalid_grant"),
        ({"username": "nobody"}, 401, "invalid_grant"),
        ({"client_id": "other"}, 401, "invalid_client"),
        ({"grant_type": "refresh_token"}, 400, "unsupported_grant_type"),
    ],
)
def test_the_password_grant(up42, changes, status, error):
    answer = httpx.post(f"{up42.auth_url}{REALM}/token", data={**FORM, **changes})
    assert (answer.status_code, answer.json().get("error")) == (status, error)


def test_tokens_end(box, up42, api):
    assert httpx.get(f"{up42.url}{JOBS}").status_code == 401
    assert api.get(JOBS).status_code == 200
    with box.faults.active(Fault("expired_token", path="/up42/v2", times=1, parameters={"revoke": True})):
        assert api.get(JOBS).status_code == 401
    refused = api.get(JOBS)
    assert (refused.status_code, refused.json()["title"]) == (401, "Unauthorized")
    assert httpx.get(f"{up42.auth_url}{REALM}/userinfo", headers=api.headers).status_code == 401


def test_a_token_of_one_region_is_nothing_in_the_other(box, api):
    south = box.up42_regions["sa"]
    assert httpx.get(f"{south.url}{JOBS}", headers=api.headers).status_code == 401


def test_tokens_and_signed_urls_end_with_time():
    now = [datetime(2025, 1, 1, tzinfo=UTC)]
    with Sandbox(SandboxSettings(days=0, clock=lambda: now[0])) as box:
        up42 = box.up42
        token = httpx.post(f"{up42.auth_url}{REALM}/token", data=FORM).json()
        assert token["expires_in"] == 300
        bearer = {"authorization": f"Bearer {token['access_token']}"}
        (file, *_) = up42.sources()[0].files.values()
        address = f"{up42.url}/v2/assets/{file.id}/download-url"
        signed = httpx.post(address, headers=bearer).json()["url"]
        now[0] += timedelta(seconds=299)
        assert httpx.post(address, headers=bearer).status_code == 200
        assert httpx.get(signed).status_code == 200
        now[0] += timedelta(seconds=1)
        assert httpx.post(address, headers=bearer).status_code == 401
        assert httpx.get(signed).status_code == 403


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ({"title": "title"}, "data.inputs must contain ['item'] properties"),
        ({"item": "x"}, "data.inputs must contain ['title'] properties"),
        ({"title": 1, "item": "x"}, "data.inputs.title must be string"),
        ({"title": "a", "item": "x", "z": 1}, "data.inputs must not contain ['z'] properties"),
        ({"title": "a", "item": "x", "greyWeights": {}}, "data.inputs.greyWeights must be array"),
        (
            {"title": "a", "item": "x", "greyWeights": [{"band": "red"}]},
            "data.inputs.greyWeights[0] must contain ['weight'] properties",
        ),
        ([], "data.inputs must be object"),
    ],
)
@pytest.mark.parametrize("step", ["validation", "cost", "execution"])
def test_inputs_of_another_shape(up42, api, inputs, message, step):
    answer = api.post(f"{PAN}/{step}", json={"inputs": inputs})
    assert answer.json() == {"title": "Bad Request", "status": 400, "schema-error": message}
    assert up42.jobs.all == []


def test_what_validation_finds(up42, api):
    def found(item, title="A title"):
        inputs = {"title": title, "item": item}
        answer = api.post(f"{PAN}/validation", json={"inputs": inputs})
        return answer.status_code, [one["name"] for one in answer.json()["errors"]]

    first, no_band, old, *_ = (up42.item_url(item) for item in up42.sources())
    up42.terms.set_rules(Rule(title="spoilt", errors=(("Spoilt", "to order"),)))
    assert found(no_band) == (422, ["MissingPanchromaticAsset"])
    assert found(old) == (422, ["UnsupportedCollection"])
    assert found("https://item-url") == (422, ["ItemNotFound"])
    assert found(up42.item_url(up42.sources("stranger")[0])) == (422, ["ItemNotFound"])
    assert found(first, "spoilt") == (422, ["Spoilt"])


def test_many_items_and_a_price_that_rises(up42, api):
    items = [up42.item_url(item) for item in up42.sources()[:2]]
    address = "/v2/processing/processes/mosaicking-sandbox/cost"

    def cost():
        return api.post(address, json={"inputs": {"title": "a", "items": items}}).json()

    assert cost() == {
        "pricingStrategy": "area",
        "totalCredits": 44,
        "totalSize": 21.8,
        "unit": "SQ_KM",
    }
    up42.terms.set_price("mosaicking-sandbox", 3)
    assert cost()["totalCredits"] == 65
    price = api.get(address.removesuffix("/cost")).json()["additionalParameters"]["parameters"][1]
    assert price == {"name": "price", "value": [{"credits": 3, "unit": "SQ_KM"}]}


def test_a_job_in_every_status(up42, api, run):
    job = run(api).json()["jobID"]
    account, seen = up42.account(), []
    for _ in range(7):
        told = api.get(f"{JOBS}/{job}").json()
        seen.append((told["status"], bool(told["results"]), told["creditConsumption"], account.withheld))
        times = (told["started"], told["finished"])
        assert [time is not None for time in times] == [
            told["status"] in ("running", "successful", "captured"),
            told["status"] in ("successful", "captured"),
        ]
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z", told["updated"])
    assert seen == [
        ("licensed", False, None, 0),
        ("valid", False, None, 0),
        ("accepted", False, None, 63),
        ("running", False, None, 63),
        ("successful", True, None, 63),
        ("captured", True, {"credits": 63}, 0),
        ("captured", True, {"credits": 63}, 0),
    ]
    assert api.get("/accounts/me/credits/balance").json()["data"] == {"balance": 9_937}


def test_unknown_statuses_and_jobs_that_stay(up42, api, run):
    up42.terms.set_rules(Rule(title="odd", path=("licensed", "paused-by-provider", "running")))
    job = run(api, title="odd").json()["jobID"]
    assert [api.get(f"{JOBS}/{job}").json()["status"] for _ in range(4)] == [
        "licensed",
        "paused-by-provider",
        "running",
        "running",
    ]
    up42.jobs.redirect(job, "failed")
    assert api.get(JOBS, params={"ids": job}).json()["jobs"][0]["status"] == "failed"


def test_invalid_and_unlicensed_jobs_cost_nothing(up42, api, run):
    up42.terms.set_license("upsampling-ns", accepted=False)
    invalid = run(api, item=1).json()["jobID"]
    unlicensed = run(api, "upsampling-ns").json()["jobID"]
    up42.jobs.finish(invalid)
    up42.jobs.finish(unlicensed)
    assert api.get(f"{JOBS}/{invalid}").json()["results"] == {
        "errors": [{"name": "MissingPanchromaticAsset", "message": "The panchromatic band is missing."}]
    }
    assert api.get(f"{JOBS}/{unlicensed}").json()["status"] == "unlicensed"
    assert up42.account().balance == 10_000


def test_workspaces_and_budgets(up42, api, run):
    theirs = up42.user("stranger").workspace
    assert run(api, workspaceId=theirs).status_code == 403
    assert run(api, budgetId="none").status_code == 404
    assert run(api).json()["workspaceID"] is None
    small = run(api, budgetId="small").json()["jobID"]
    assert up42.jobs.finish(small).status == "rejected"
    large = run(api, budgetId="large").json()["jobID"]
    assert up42.jobs.finish(large).status == "captured"
    assert up42.account().spent("large") == 63


def test_pages_of_jobs(up42, api, run):
    ids = [run(api, title=f"{number}").json()["jobID"] for number in range(5)]
    page = api.get(JOBS, params={"limit": 2, "status": "created,valid", "sort": "created,asc"}).json()
    found, hrefs = [], []
    while True:
        found += [job["jobID"] for job in page["jobs"]]
        if not page["links"]:
            break
        hrefs.append(page["links"][0]["href"])
        page = api.get(f"{up42.url}{hrefs[-1]}").json()
    assert found == ids
    assert [href.partition("?")[0] for href in hrefs] == [JOBS, JOBS]
    for wrong in ({"sort": "size,asc"}, {"sort": "created,up"}, {"limit": "x"}, {"minDuration": "-1"}):
        assert api.get(JOBS, params=wrong).status_code == 400
    assert api.get(JOBS, params={"minDuration": "0"}).json()["jobs"] == []
    up42.jobs.finish(ids[0])
    assert len(api.get(JOBS, params={"minDuration": "0"}).json()["jobs"]) == 1


@pytest.mark.parametrize("kind", ["absolute", "elsewhere"])
def test_other_kinds_of_next_link(login, kind):
    with Sandbox(SandboxSettings(days=0, up42=Up42Settings(next_link=kind, page_size=1))) as box:
        up42, item = box.up42, box.up42.item_url(box.up42.sources()[0])
        with login(up42) as api:
            for _ in range(2):
                api.post(f"{PAN}/execution", json={"inputs": {"title": "a", "item": item}})
            (link,) = api.get(JOBS).json()["links"]
        host = box.url if kind == "absolute" else box.other_url
        assert link["href"].startswith(f"{host}/up42{JOBS}?")


def test_a_list_that_lags_behind(login):
    with Sandbox(SandboxSettings(days=0, up42=Up42Settings(listing_lag=2))) as box:
        item = box.up42.item_url(box.up42.sources()[0])
        with login(box.up42) as api:
            api.post(f"{PAN}/execution", json={"inputs": {"title": "a", "item": item}})
            assert [len(api.get(JOBS).json()["jobs"]) for _ in range(3)] == [0, 0, 1]


def test_storage_shows_each_account_its_own(up42, api, login):
    mine, theirs = up42.sources()[0], up42.sources("stranger")[0]
    other = login(up42, "stranger")
    assert api.get(mine.path).json()["id"] == mine.id
    assert [client.get(theirs.path).status_code for client in (api, other)] == [404, 200]
    (file, *_) = theirs.files.values()
    address = f"/v2/assets/{file.id}/download-url"
    assert [client.post(address).status_code for client in (api, other)] == [404, 200]
    assert httpx.get(f"{up42.url}/v2/assets/stac/").status_code == 401
    listed = api.get("/v2/assets/stac/collections").json()["collections"]
    assert {one["id"] for one in listed} == {item.collection for item in up42.sources()}
    asset = mine.own["up42-system:asset_id"]
    assert api.get(f"/v2/assets/{asset}/metadata").json()["title"] == "Scene 0"
    assert other.get(f"/v2/assets/{asset}/metadata").status_code == 404
    body = {"filter": {"op": "=", "args": [{"property": "asset_id"}, up42.sources()[3].value("asset_id")]}}
    assert len(api.post("/v2/assets/stac/search", json=body).json()["features"]) == 2


def test_signed_urls(box, up42, api):
    file = up42.sources()[0].files["multispectral"]
    signed = api.post(f"/v2/assets/{file.id}/download-url").json()["url"]
    assert signed.startswith(f"{box.other_url}/up42-storage/{file.id}.tif?")
    whole = httpx.get(signed)
    assert (len(whole.content), whole.headers["etag"]) == (file.content.size, f'"{file.content.md5}"')
    part = httpx.get(signed, headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert httpx.get(signed, headers=api.headers).status_code == 400
    later = re.sub(r"X-Expires=(\d)", r"X-Expires=9\1", signed)
    other = signed.replace(file.id, up42.sources()[1].files["multispectral"].id)
    for broken in (signed[:-1] + "g", later, other, signed.partition("?")[0]):
        assert httpx.get(broken).status_code == 403
    up42.signer.revoke()
    assert httpx.get(signed).status_code == 403


def test_too_many_requests(login):
    settings = Up42Settings(requests_per_second=0.01, burst=3)
    with Sandbox(SandboxSettings(days=0, up42=settings)) as box, login(box.up42) as api:
        answers = [api.get(JOBS) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert 90 <= int(answers[-1].headers["retry-after"]) <= 100


@pytest.mark.parametrize(
    "fault",
    [
        Fault("lost_answer"),
        Fault("reset", parameters={"takes_effect": True}),
        Fault("truncate", parameters={"after_bytes": 20}),
    ],
)
def test_answers_that_are_lost_leave_one_job(box, up42, api, run, fault):
    with box.faults.active(fault), pytest.raises(httpx.TransportError):
        run(api, title="lost")
    (job,) = up42.jobs.titled("lost")
    (listed,) = api.get(JOBS, params={"processId": "pansharpening", "sort": "created,desc"}).json()["jobs"]
    assert (listed["jobID"], listed["definition"]["inputs"]) == (job.id, job.inputs)
    (entry,) = box.log.entries("*/execution", fault=fault.kind)[-1:]
    assert entry.body["inputs"]["title"] == "lost"


def test_jobs_that_move_with_the_clock(login):
    now = [datetime(2025, 1, 1, tzinfo=UTC)]
    settings = Up42Settings(pace="clock", durations={"running": 60, "accepted": 10}, fraction_digits=0)
    with Sandbox(SandboxSettings(days=0, up42=settings, clock=lambda: now[0])) as box:
        item = box.up42.item_url(box.up42.sources()[0])
        with login(box.up42) as api:
            inputs = {"title": "a", "item": item}
            job = api.post(f"{PAN}/execution", json={"inputs": inputs}).json()["jobID"]

            def look(seconds):
                now[0] += timedelta(seconds=seconds)
                return api.get(f"{JOBS}/{job}").json()

            assert [look(seconds)["status"] for seconds in (0, 3, 10, 59)] == [
                "created",
                "accepted",
                "running",
                "running",
            ]
            ended = look(100)
            assert ended["status"] == "captured"
            assert ended["started"] == "2025-01-01T00:00:13Z"
            assert ended["finished"] == "2025-01-01T00:01:13Z"


def test_other_processes_see_and_change_the_state(box, up42, api, run):
    with httpx.Client(base_url=f"{box.url}/_sandbox/up42") as admin:
        account = up42.user().account
        changed = admin.patch(
            "/state",
            json={
                "prices": {"pansharpening": 10},
                "licenses": {"upsampling-ns": False},
                "paid_in": {account: 200},
                "rules": [{"title": "x*", "path": ["running"]}, {"errors": [["Bad", "to order"]]}],
            },
        ).json()
        assert (changed["prices"]["pansharpening"], changed["licenses"]["upsampling-ns"]) == (10, False)
        assert changed["accounts"][account]["balance"] == 200
        job = run(api, title="xy").json()["jobID"]
        shown = admin.get(f"/jobs/{job}").json()
        assert (shown["status"], shown["_sandbox"]["to_come"]) == ("created", ["running"])
        assert admin.patch(f"/jobs/{job}", json={"steps": 1}).json()["status"] == "running"
        moved = admin.patch(f"/jobs/{job}", json={"path": ["failed", "released"], "steps": "all"}).json()
        assert moved["_sandbox"]["past"] == ["created", "running", "failed", "released"]
        bad = run(api, title="bad").json()["jobID"]
        assert admin.patch(f"/jobs/{bad}", json={"steps": "all"}).json()["status"] == "invalid"
        listed = admin.get("/state").json()
        assert [one["jobID"] for one in listed["jobs"]] == [job, bad]
        assert listed["sources"]["demo"] == [up42.item_url(item) for item in up42.sources()]
        assert admin.get("/jobs/none").status_code == 404
        assert admin.patch("/state", json={"prices": {"none": 1}}).status_code == 422
        assert admin.patch("/state", content="x").status_code == 422
        assert admin.post("/revoke-signatures").status_code == admin.post("/reset").status_code == 204
        assert (up42.jobs.all, up42.account().balance, up42.terms.rules) == ([], 10_000, ())
        assert admin.post("/expire-tokens").status_code == 204
    assert api.get(JOBS).status_code == 401


def test_processes_and_licences(up42, api):
    listed = api.get("/v2/processing/processes").json()["processes"]
    assert [one["id"] for one in listed] == [one.id for one in up42.settings.processes]
    assert "inputs" not in listed[0]
    eula = listed[0]["additionalParameters"]["parameters"][0]["value"][0]
    assert api.get(f"/v2/eulas/{eula}").json() == {"isAccepted": True}
    assert api.get("/v2/eulas/none").status_code == 404
    assert api.get("/v2/processing/processes/none").status_code == 404
