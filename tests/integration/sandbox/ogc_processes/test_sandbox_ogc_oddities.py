"""What real servers do, ordered per request or set per server; faults of the common fault language."""

import base64

import httpx
import pytest

from eoflows.sandbox import Fault
from eoflows.sandbox.settings import SandboxSettings

ASYNC = {"prefer": "respond-async"}
KEY = "sandbox-demo-key"
BASIC = f"Basic {base64.b64encode(b'demo:demo-password').decode()}"


@pytest.mark.parametrize(
    ("body", "content"),
    [("empty", b""), ("null", b"null"), ("object", b"{}"), ("id", None), ("status", None)],
)
def test_bodies_of_an_acceptance(box, execute, behave, body, content):
    behave(accepted_body=body, times=1)
    answer = execute(headers=ASYNC)
    (job,) = box.ogc_processes["/ogc"].jobs.all()
    assert (answer.status_code, answer.headers["location"]) == (201, f"{box.url}/ogc/jobs/{job.id}")
    assert ("content-type" in answer.headers) is (body != "empty")
    if content is not None:
        assert answer.content == content
    else:
        assert answer.json()["id" if body == "id" else "jobID"] == job.id
        assert ("status" in answer.json()) is (body == "status")
    assert execute(headers=ASYNC).json()["status"] == "accepted"


@pytest.mark.parametrize(
    ("style", "start"),
    [
        ("relative", "/ogc/jobs/"),
        ("foreign", "{other}/ogc/jobs/"),
        ("wrong", "http://processes.invalid:5000/jobs/"),
        ("none", None),
    ],
)
def test_locations(box, execute, behave, style, start):
    behave(accepted_location=style, preference_applied=False, accepted_status=202)
    answer = execute(headers=ASYNC)
    location = answer.headers.get("location")
    assert answer.status_code == 202
    assert "preference-applied" not in answer.headers
    if start is None:
        assert location is None
    else:
        assert location.startswith(start.format(other=box.other_url))


def test_a_job_that_is_answered_at_once_and_modes(ogc, execute, behave):
    behave(async_answer="sync", times=1)
    assert (execute(headers=ASYNC).status_code, execute(headers=ASYNC).status_code) == (200, 201)
    behave(modes={"echo": "async"}, times=2)
    assert ogc.get("/processes/echo").json()["jobControlOptions"] == ["async-execute", "dismiss"]
    assert execute().status_code == 201
    behave(modes={"echo": "sync"}, times=2)
    assert ogc.get("/processes/echo").json()["jobControlOptions"] == ["sync-execute"]
    assert execute(headers=ASYNC).status_code == 200
    behave(prefer_parsing="whole", times=1)
    assert execute(headers={"prefer": "respond-async, wait=5"}).status_code == 200


def test_status_documents_of_the_later_draft(ogc, execute, finished, behave):
    behave(status_documents="2.0", shows_inputs=True)
    job = execute(headers=ASYNC).json()
    done = finished(job["id"])
    assert (done["status"], done["inputs"]) == ("succeeded", {"message": "a"})
    assert "jobID" not in done
    assert ogc.get("/jobs").json()["jobs"] == [done]


def test_a_job_that_is_not_seen_at_first(ogc, execute, behave):
    behave(hidden_requests=3, times=1, path="/ogc/processes")
    job = execute(headers=ASYNC).json()["jobID"]
    assert ogc.get(f"/jobs/{job}").status_code == 404
    assert ogc.get("/jobs").json()["jobs"] == []
    assert ogc.get(f"/jobs/{job}/results").status_code == 404
    assert ogc.get(f"/jobs/{job}").json()["status"] == "successful"


def test_retry_after_until_the_end(stepwise, behave, finished):
    client, steps = stepwise
    behave(retry_after=1.5, path="/stepwise")
    born = client.post("/processes/slow/execution", json={"inputs": {"steps": 1}}, headers=ASYNC)
    job = born.json()["jobID"]
    assert born.headers["retry-after"] == client.get(f"/jobs/{job}").headers["retry-after"] == "1.5"
    steps.release()
    finished(job, client)
    assert "retry-after" not in client.get(f"/jobs/{job}").headers


@pytest.mark.parametrize(("dismissed", "status"), [("missing", 404), ("kept", 200)])
def test_dismissal_as_servers_do_it(box, stepwise, behave, dismissed, status):
    client, steps = stepwise
    behave(dismissed=dismissed, dismiss_stops=False, dismiss_body="bare", path="/stepwise")
    job = client.post("/processes/slow/execution", json={"inputs": {"steps": 2}}, headers=ASYNC).json()[
        "jobID"
    ]
    work = box.ogc_processes["/stepwise"].jobs.get(job).work
    answer = client.delete(f"/jobs/{job}")
    assert answer.headers["content-type"].startswith("text/html")
    assert answer.json().keys() == {"jobID", "status", "message", "progress"}
    assert client.get(f"/jobs/{job}").status_code == status
    assert len(client.get("/jobs").json()["jobs"]) == (dismissed == "kept")
    steps.release(2)
    assert box.log.wait_for(lambda log: work.done())
    assert not work.cancelled()
    assert client.get(f"/jobs/{job}").status_code == status


@pytest.mark.parametrize(
    ("errors", "kind", "body"),
    [
        ("json", "application/json", None),
        ("html", "text/html; charset=utf-8", "<h1>404 No such job</h1>"),
        ("empty", None, ""),
        ("pygeoapi", "application/json", '"type":"InvalidParameterValue"'),
    ],
)
def test_bodies_of_errors(ogc, behave, errors, kind, body):
    behave(errors=errors)
    answer = ogc.get("/jobs/x")
    assert (answer.status_code, answer.headers.get("content-type")) == (404, kind)
    if body is None:
        assert answer.json()["status"] == 404
    else:
        assert body in answer.text


def test_lists_as_servers_make_them(ogc, execute, behave):
    for _ in range(3):
        execute(headers=ASYNC)

    def listed(query):
        page = ogc.get(f"/jobs?{query}").json()
        return len(page["jobs"]), [link["href"] for link in page["links"] if link["rel"] == "next"]

    behave(list_filters=False, times=1)
    assert (listed("processID=slow")[0], listed("processID=slow")[0]) == (3, 0)
    behave(next_link="loop", times=1)
    assert listed("limit=1&offset=1")[1] == [f"{ogc.base_url}jobs?limit=1&offset=0"]
    behave(next_link="none", times=1)
    assert listed("limit=1") == (1, [])


def test_many_processes_over_pages(box, behave):
    behave(process_page=7, path="/many")
    with httpx.Client(base_url=f"{box.url}/many") as http:
        sizes, names, address = [], set(), "/processes"
        while address:
            page = http.get(address).json()
            sizes.append(len(page["processes"]))
            names |= {process["id"] for process in page["processes"]}
            address = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
        echo = http.post("/processes/echo-21/execution", json={"inputs": {"message": "a"}})
    assert (sizes, len(names)) == ([7, 7, 7, 5], 26)
    assert echo.json() == {"message": "a"}


def test_results_elsewhere_and_of_one_shape(box, ogc, execute, behave):
    behave(links="foreign", times=1)
    reference = {"echo": {"transmissionMode": "reference"}}
    answer = execute(outputs=reference)
    assert (answer.status_code, answer.links["echo"]["url"][: len(box.other_url)]) == (204, box.other_url)
    assert httpx.get(answer.links["echo"]["url"]).json() == {"message": "a"}
    assert box.log.entries("/ogc/jobs", origin="other")[-1].status == 200
    behave(results="document", times=1)
    assert execute().json() == {"echo": {"value": {"message": "a"}}}
    behave(results="raw", times=1)
    assert execute(response="document").json() == {"message": "a"}


def test_a_wrong_order_is_no_silent_one(box, behave):
    behave(nonsense=1)
    with httpx.Client() as http:
        assert http.get(f"{box.url}/ogc/").status_code == 500


@pytest.mark.parametrize(
    ("kind", "parameters", "seen", "jobs"),
    [
        ("lost_answer", {}, httpx.RemoteProtocolError, 1),
        ("reset", {"takes_effect": True}, httpx.ReadError, 1),
        ("hang", {"seconds": 0.05, "takes_effect": True}, httpx.RemoteProtocolError, 1),
        ("truncate", {"after_bytes": 5}, httpx.RemoteProtocolError, 1),
        ("unavailable", {"takes_effect": True}, 503, 1),
        ("server_error", {"takes_effect": True, "status": 502}, 502, 1),
        ("bad_json", {}, 201, 1),
        ("error_page", {}, 200, 0),
        ("unavailable", {}, 503, 0),
        ("reset", {}, httpx.ReadError, 0),
    ],
)
def test_answers_lost_before_and_after_the_work_was_done(box, ogc, execute, kind, parameters, seen, jobs):
    box.faults.add(Fault(kind, path="/ogc/processes/*/execution", times=1, parameters=parameters))
    try:
        found = execute(headers=ASYNC).status_code
    except httpx.TransportError as error:
        found = type(error)
    assert found == seen
    assert len(ogc.get("/jobs").json()["jobs"]) == jobs


def test_a_slow_body(box, ogc):
    box.faults.add(Fault("slow", path="/ogc/samples", times=1, parameters={"rate": 20_000, "piece": 256}))
    whole = ogc.get("/samples/scene.tif")
    assert whole.elapsed.total_seconds() > 0.03
    assert whole.content == ogc.get("/samples/scene.tif").content


@pytest.mark.parametrize(
    ("auth", "good", "bad"),
    [
        ("basic", {"authorization": BASIC}, {}),
        (
            "basic",
            {"authorization": BASIC},
            {"authorization": "Basic ?"},
        ),
        ("bearer", {"authorization": "Bearer sandbox-demo-token"}, {"authorization": "Bearer x"}),
        ("bearer", {"x-auth-token": "sandbox-demo-token"}, {"x-api-key": KEY}),
        ("api_key", {"x-api-key": KEY}, {"x-api-key": "x"}),
    ],
)
def test_authentication(box, auth, good, bad):
    with httpx.Client(base_url=f"{box.url}/{auth}") as http:
        refused = http.get("/jobs", headers=bad)
        assert refused.status_code == refused.json()["status"] == 401
        assert ("www-authenticate" in refused.headers) is (auth != "api_key")
        assert http.get("/jobs", headers=good).status_code == 200
    assert httpx.get(f"{box.other_url}/{auth}/jobs").status_code == 200


def test_login_gives_tokens_that_expire(box):
    with httpx.Client(base_url=f"{box.url}/login") as http:
        form = {"grant_type": "password", "username": "demo", "password": "demo-password"}
        assert http.post("/auth/login", data={**form, "password": "x"}).status_code == 401
        token = http.post("/auth/login", data=form).json()
        head = {"authorization": f"Bearer {token['access_token']}"}
        assert http.get("/jobs", headers=head).status_code == 200
        box.tokens.expire_all()
        assert http.get("/jobs", headers=head).status_code == 401
        renewed = {"grant_type": "refresh_token", "refresh_token": token["refresh_token"]}
        fresh = http.post("/auth/login", data=renewed).json()["access_token"]
        assert http.get("/jobs", headers={"authorization": f"Bearer {fresh}"}).status_code == 200


def test_the_default_sandbox_has_one_server():
    assert SandboxSettings().ogc_processes.keys() == {"/ogc"}
