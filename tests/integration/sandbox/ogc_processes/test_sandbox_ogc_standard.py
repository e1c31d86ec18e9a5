"""What 18-062r2 says, as the server does it when no setting says otherwise."""

import base64
import email
import email.policy
import io
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from queue import Queue

import orjson
import pytest
import rasterio
from PIL import Image

ASYNC = {"prefer": "respond-async"}

TYPES = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0"


def rel(document, name):
    (link,) = [link for link in document["links"] if link["rel"] == name]
    return link["href"]


def test_everything_is_reached_from_the_landing_page(ogc):
    landing = ogc.get("/").json()
    rels = "http://www.opengis.net/def/rel/ogc/1.0"
    classes = ogc.get(rel(landing, f"{rels}/conformance")).json()["conformsTo"]
    assert {name.rpartition("/")[2] for name in classes} >= {"core", "job-list", "dismiss", "callback"}
    api = ogc.get(rel(landing, "service-desc")).json()
    assert api["paths"]["/processes/{process}/execution"].keys() == {"post"}
    processes = ogc.get(rel(landing, f"{rels}/processes")).json()["processes"]
    assert [one["id"] for one in processes] == ["echo", "ndvi", "slow", "failing", "inventory"]
    described = ogc.get(rel(processes[0], "self")).json()
    assert described["inputs"]["message"]["minOccurs"] == described["inputs"]["message"]["maxOccurs"] == 1
    assert described["inputs"]["many"]["maxOccurs"] == "unbounded"
    assert ogc.post(rel(described, f"{rels}/execute"), json={"inputs": {"message": "a"}}).json() == {
        "message": "a"
    }
    assert ogc.get(rel(landing, f"{rels}/job-list")).json()["jobs"] == []


def test_a_job_from_its_birth_to_its_end(stepwise, wait_for, finished):
    client, steps = stepwise
    born = client.post("/processes/slow/execution", json={"inputs": {"steps": 4}}, headers=ASYNC)
    assert (born.status_code, born.headers["preference-applied"]) == (201, "respond-async")
    job = born.json()
    assert (job["status"], job["progress"], job["processID"]) == ("accepted", 0, "slow")
    assert born.headers["location"] == rel(job, "self")
    early = client.get(f"/jobs/{job['jobID']}/results")
    assert (early.status_code, early.json()["type"]) == (404, f"{TYPES}/result-not-ready")
    assert early.headers["content-type"] == "application/problem+json"
    seen = []
    for number in range(4):
        seen.append(client.get(f"/jobs/{job['jobID']}").json()["progress"])
        steps.release()
        wait_for(lambda n=number: client.get(f"/jobs/{job['jobID']}").json()["progress"] == 25 * (n + 1))
    assert seen == [0, 25, 50, 75]
    done = finished(job["jobID"], client)
    assert (done["status"], done["message"]) == ("successful", "Finished")
    assert done["created"] <= done["started"] <= done["finished"] <= done["updated"]
    results = client.get(rel(done, "http://www.opengis.net/def/rel/ogc/1.0/results"))
    assert results.json() == {"steps": 4}


@pytest.mark.parametrize("asynchronous", [False, True])
@pytest.mark.parametrize(
    ("response", "reference", "status"),
    [
        ("document", (), 200),
        ("document", ("ndvi",), 200),
        ("raw", (), 200),
        ("raw", ("ndvi",), 200),
        ("raw", ("ndvi", "statistics"), 204),
    ],
)
def test_results_of_every_form(ogc, execute, finished, asynchronous, response, reference, status):
    scene = {"href": f"{ogc.base_url}samples/scene.tif", "type": "image/tiff"}
    outputs = {
        name: {"transmissionMode": "reference" if name in reference else "value"}
        for name in ("ndvi", "statistics")
    }
    asked = {"inputs": {"scene": scene}, "outputs": outputs, "response": response}
    if asynchronous:
        job = execute("ndvi", headers=ASYNC, **asked).json()["jobID"]
        assert finished(job)["status"] == "successful"
        answer = ogc.get(f"/jobs/{job}/results")
    else:
        answer = execute("ndvi", **asked)
        assert ogc.get("/jobs").json()["jobs"] == []
    assert answer.status_code == status
    found = read_results(ogc, answer)
    assert found["statistics"]["valid"] == 16 * 12 - 1
    with rasterio.MemoryFile(found["ndvi"]) as file, file.open() as image:
        values = image.read(1)
    assert values.shape == (12, 16)
    assert float(values[0, 1]) == pytest.approx((1005 - 510) / (1005 + 510))
    assert found["statistics"]["maximum"] == pytest.approx(float(values[1:].max()))


def read_results(ogc, answer):
    """Read what a client must be able to read: output name to bytes or JSON."""

    def read(kind, data):
        return orjson.loads(data) if kind.startswith("application/json") else data

    if answer.status_code == 204:
        assert answer.content == b""
        got = {name: ogc.get(link["url"]) for name, link in answer.links.items()}
        return {name: read(one.headers["content-type"], one.content) for name, one in got.items()}
    kind = answer.headers["content-type"]
    if kind.startswith("multipart/related"):
        whole = email.message_from_bytes(
            b"Content-Type: " + kind.encode() + b"\r\n\r\n" + answer.content, policy=email.policy.HTTP
        )
        found = {}
        for part in whole.iter_parts():
            data = part.get_payload(decode=True)
            if "content-location" in part:
                assert data == b""
                data = ogc.get(part["content-location"]).content
            found[part["content-id"].strip("<>")] = read(part["content-type"], data)
        return found
    found = {}
    for name, one in answer.json().items():
        if "href" in one:
            got = ogc.get(one["href"])
            found[name] = read(got.headers["content-type"], got.content)
        elif one.get("encoding") == "base64":
            found[name] = base64.b64decode(one["value"])
        else:
            found[name] = one["value"]
    return found


@pytest.mark.parametrize("media_type", ["image/png", "application/json", "image/tiff; application=geotiff"])
def test_one_output_in_the_format_asked_for(execute, media_type):
    scene = {"value": {"width": 2, "height": 1, "red": [1, 0], "nir": [3, 0]}}
    outputs = {"ndvi": {"format": {"mediaType": media_type}}}
    answer = execute("ndvi", inputs={"scene": scene}, outputs=outputs)
    assert answer.headers["content-type"] == media_type
    if media_type == "application/json":
        assert answer.json() == {"width": 2, "height": 1, "ndvi": [0.5, None]}
        return
    with Image.open(io.BytesIO(answer.content)) as image:
        cells = [image.getpixel((x, 0)) for x in range(2)]
    assert (image.size, image.format) == ((2, 1), "PNG" if media_type == "image/png" else "TIFF")
    assert cells[0] == (1 + round(1.5 * 127) if media_type == "image/png" else 0.5)


@pytest.mark.parametrize(
    ("process", "asked", "status", "told"),
    [
        ("echo", {"inputs": {}}, 400, "'message' occurs 0 times"),
        ("nonsense", {}, 404, "no process 'nonsense'"),
        ("failing", {"inputs": {"message": "Out of memory"}}, 500, "Out of memory"),
        ("failing", {"inputs": {"status": 422}}, 422, "failed, as ordered"),
        ("ndvi", {"inputs": {"scene": base64.b64encode(b"no tiff").decode()}}, 400, "cannot be read"),
        ("ndvi", {"inputs": {"scene": {"href": "http://127.0.0.1:1/"}}}, 400, "cannot be fetched"),
    ],
)
def test_what_goes_wrong_at_once(execute, process, asked, status, told):
    answer = execute(process, **asked)
    assert answer.status_code == answer.json()["status"] == status
    assert told in answer.json()["detail"]


def test_no_json_is_refused(ogc):
    assert ogc.post("/processes/echo/execution", content=b"{").status_code == 400
    assert ogc.get("/jobs/nonsense").json()["type"] == f"{TYPES}/no-such-job"
    assert ogc.get("/jobs/nonsense/results/echo").status_code == 404
    assert ogc.put("/jobs").status_code == 405


def test_a_failed_job(ogc, execute, finished):
    inputs = {"message": "Out of memory", "status": 507}
    job = execute("failing", headers=ASYNC, inputs=inputs).json()["jobID"]
    assert (finished(job)["status"], finished(job)["message"]) == ("failed", "Out of memory")
    results = ogc.get(f"/jobs/{job}/results")
    assert (results.status_code, results.json()["detail"]) == (507, "Out of memory")


def test_dismissal_of_a_running_and_of_a_finished_job(box, stepwise, finished):
    client, _ = stepwise
    running, done = (
        client.post(f"/processes/{process}/execution", json={"inputs": inputs}, headers=ASYNC).json()["jobID"]
        for process, inputs in (("slow", {}), ("echo", {"message": "a"}))
    )
    assert finished(done, client)["status"] == "successful"
    for job in (running, done):
        assert client.delete(f"/jobs/{job}").json()["status"] == "dismissed"
        asked = (("GET", ""), ("DELETE", ""), ("GET", "/results"))
        again = [client.request(method, f"/jobs/{job}{path}").status_code for method, path in asked]
        assert again == [410, 410, 410]
    assert client.get("/jobs").json()["jobs"] == []
    work = box.ogc_processes["/stepwise"].jobs.get(running).work
    assert box.log.wait_for(lambda log: work.done())
    assert work.cancelled()


def test_five_hundred_jobs_over_pages(ogc, execute, box):
    made = [execute(headers=ASYNC).json()["jobID"] for _ in range(500)]
    seen, address = [], "/jobs?limit=70&processID=echo"
    while address:
        page = ogc.get(address).json()
        seen += [job["jobID"] for job in page["jobs"]]
        address = next((link["href"] for link in page["links"] if link["rel"] == "next"), None)
    assert seen == made[::-1]
    assert box.log.count("/ogc/jobs") >= 8


@pytest.fixture
def receiver():
    """A subscriber: what it was told, in order."""
    told = Queue()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            told.put((self.path, orjson.loads(self.rfile.read(int(self.headers["content-length"])))))
            self.send_response(204)
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


def test_subscribers_are_told(execute, receiver):
    address, told = receiver
    subscriber = {f"{name}Uri": f"{address}/{name}" for name in ("success", "inProgress", "failed")}
    execute("slow", headers=ASYNC, inputs={"steps": 2, "seconds": 0}, subscriber=subscriber)
    heard = [told.get(timeout=5) for _ in range(3)]
    assert sorted(path for path, _ in heard[:2]) == ["/inProgress", "/inProgress"]
    assert sorted(document["progress"] for _, document in heard[:2]) == [50, 100]
    assert heard[2] == ("/success", {"summary": {"value": {"steps": 2}}})
    execute("failing", headers=ASYNC, subscriber=subscriber)
    path, document = told.get(timeout=5)
    assert (path, document["status"]) == ("/failed", 500)
