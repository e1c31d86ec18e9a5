"""What a real pygeoapi does: the facts that our client is built for hold for the version that is tested."""

import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue

import httpx
import pytest
from waiting import content, until

JSON = {"accept": "application/json"}
ASYNC = {**JSON, "prefer": "respond-async"}


@pytest.fixture
def http(pygeoapi_url):
    with httpx.Client(base_url=pygeoapi_url, headers=JSON, timeout=30) as client:
        yield client


@pytest.fixture
def execute(http):
    def run(process, headers=JSON, **document):
        return http.post(f"/processes/{process}/execution", json=document, headers=headers)

    return run


@pytest.fixture
def finished(http):
    def wait(location):
        def ended():
            job = http.get(location).json()
            return None if job["status"] in ("accepted", "running") else job

        return until(ended, "the job's end")

    return wait


def test_it_declares_less_than_it_has(http):
    classes = {name.rpartition("/")[2] for name in http.get("/conformance").json()["conformsTo"]}
    assert classes >= {"core", "ogc-process-description", "callback"}
    assert classes & {"job-list", "dismiss"} == set()
    processes = {one["id"] for one in http.get("/processes").json()["processes"]}
    assert processes == {"mirror", "slow", "failing"}
    described = http.get("/processes/mirror").json()
    assert described["inputs"]["number"]["minOccurs"] == 0
    assert described["jobControlOptions"] == ["sync-execute", "async-execute"]


def test_a_synchronous_execution_is_a_job_too(http, execute):
    answer = execute("mirror", inputs={"message": "a"})
    assert (answer.status_code, answer.json()) == (200, {"mirror": {"message": "a"}})
    assert http.get(answer.headers["location"]).json()["status"] == "successful"
    document = execute("mirror", inputs={"message": "a"}, response="document").json()
    assert document == {"outputs": [{"mirror": {"message": "a"}}]}


@pytest.mark.parametrize(("response", "body"), [("raw", b"null"), ("document", b"{}")])
def test_an_asynchronous_answer_names_no_job(pygeoapi_url, http, execute, finished, response, body):
    answer = execute("mirror", ASYNC, inputs={"message": "a"}, response=response)
    assert (answer.status_code, answer.content.strip()) == (201, body)
    assert answer.headers["preference-applied"] == "respond-async"
    location = answer.headers["location"]
    assert location.startswith(f"{pygeoapi_url}/jobs/")
    job = finished(location)
    assert (job["jobID"], job["status"], job["progress"]) == (location.rpartition("/")[2], "successful", 100)
    results = http.get(f"{location}/results")
    raw = {"mirror": {"message": "a"}}
    assert results.json() == (raw if response == "raw" else {"outputs": [raw]})
    page = http.get(f"{location}/results", headers={"accept": "*/*"})
    assert page.headers["content-type"].startswith("text/html")


def test_bytes_are_results_as_they_are(http, execute, finished):
    location = execute("mirror", ASYNC, inputs={"message": "a", "as_bytes": True}).headers["location"]
    finished(location)
    results = http.get(f"{location}/results")
    assert (results.content, results.headers["content-type"]) == (b"a", "application/octet-stream")


def test_prefer_is_compared_as_a_whole(execute):
    began = time.monotonic()
    answer = execute("slow", {**JSON, "prefer": "respond-async, wait=5"}, inputs={"seconds": 0.5})
    assert answer.status_code == 200
    assert time.monotonic() - began >= 0.5


def test_errors_are_no_problem_documents(http, execute):
    unknown, invalid, job = (
        execute("nonsense", inputs={}),
        execute("mirror", inputs={}),
        http.get("/jobs/no-such-job"),
    )
    assert [one.status_code for one in (unknown, invalid, job)] == [404, 400, 404]
    assert [one.json()["type"] for one in (unknown, invalid, job)] == [
        "NoSuchProcess",
        "InvalidParameterValue",
        "InvalidParameterValue",
    ]
    assert unknown.json().keys() == {"code", "type", "description"}


def test_a_failed_job_tells_why_in_its_status_only(http, execute, finished):
    location = execute("failing", ASYNC, inputs={"message": "boom"}).headers["location"]
    job = finished(location)
    assert job["status"] == "failed"
    results = http.get(f"{location}/results")
    assert results.status_code == 400
    assert "boom" not in results.text


def test_dismissal_forgets_the_job_and_stops_nothing(http, execute, tmp_path):
    mark = tmp_path / "mark"
    location = execute("slow", ASYNC, inputs={"seconds": 0.5, "mark": str(mark)}).headers["location"]
    running = http.get(location).json()
    assert (running["status"], running["progress"]) == ("accepted", 5)
    early = http.get(f"{location}/results")
    assert (early.status_code, early.json()["type"]) == (404, "ResultNotReady")
    gone = http.delete(location)
    assert (gone.status_code, gone.json()["status"]) == (200, "dismissed")
    assert gone.headers["content-type"].startswith("text/html")
    assert "processID" not in gone.json()
    assert http.get(location).status_code == http.delete(location).status_code == 404
    assert content(mark) == "done"


def test_the_job_list_has_pages_and_ignores_filters(http, execute, finished):
    made = {execute("mirror", ASYNC, inputs={"message": "a"}).headers["location"] for _ in range(12)}
    for location in made:
        finished(location)
    seen, address = [], "/jobs?limit=5&f=json"
    while address:
        page = http.get(address).json()
        seen += [job["jobID"] for job in page["jobs"]]
        address = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
    assert len(seen) == len(set(seen))
    assert {location.rpartition("/")[2] for location in made} <= set(seen)
    filtered = http.get("/jobs", params={"limit": 100, "processID": "failing", "status": "failed"}).json()
    assert {"mirror"} <= {job["processID"] for job in filtered["jobs"]}


@pytest.fixture
def receiver():
    """A subscriber: what it was told, in order."""
    told = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            told.put((self.path, self.rfile.read(int(self.headers["content-length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *parts):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", told
    server.shutdown()
    thread.join()
    server.server_close()


def test_subscribers_are_told_without_the_job(execute, receiver):
    address, told = receiver
    subscriber = {f"{name}Uri": f"{address}/{name}" for name in ("success", "inProgress", "failed")}
    execute("mirror", ASYNC, inputs={"message": "a"}, subscriber=subscriber)
    assert told.get(timeout=10) == ("/inProgress", b"{}")
    path, body = told.get(timeout=10)
    assert (path, b"mirror" in body, b"jobID" in body) == ("/success", True, False)
    refused = execute("mirror", ASYNC, inputs={"message": "a"}, subscriber={"failedUri": address})
    assert refused.status_code == 400
