"""Whatever a server sends: a document or an error of our tree, never anything else."""

import httpx
import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eoflows.base.errors import EoError
from eoflows.services.ogc_processes import (
    ENDED,
    Capabilities,
    ConformanceDeclaration,
    Endpoint,
    JobInfo,
    JobList,
    ProcessDescription,
    ProcessList,
    api_error_of,
    phase_of,
    read_dismissal,
    read_document,
    read_execution,
    read_job,
    read_results,
    validate_inputs,
)

URL = "https://processes.example/api/jobs/a"
NAMES = st.sampled_from([
    "jobID", "id", "status", "type", "links", "rel", "href", "value", "inputs", "outputs", "schema",
    "minOccurs", "maxOccurs", "processes", "jobs", "progress", "created", "detail", "description",
    "title", "code", "exceptions", "message", "encoding", "mediaType", "items", "$ref",
    "properties", "enum", "next", "a",
])  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=8)
    | st.sampled_from(
        [
            "a",
            "next",
            "successful",
            "base64",
            "object",
            "#",
            "http://[",
            "//x/y",
            "2025-08-07T00:00:00Z",
            "{}",
        ]
    )
)
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(NAMES | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=25,
)
HEADER = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
TYPES = (
    st.sampled_from(
        [
            "application/json",
            "text/html",
            "image/tiff",
            "multipart/related; boundary=b",
            "application/geo+json",
            "",
        ]
    )
    | HEADER
)
BODIES = (
    JSON.map(orjson.dumps)
    | st.binary(max_size=60)
    | st.binary(max_size=40).map(lambda body: b"--b\r\ncontent-id: <a>\r\n\r\n" + body + b"\r\n--b--")
)
MODELS = [Capabilities, ConformanceDeclaration, ProcessList, ProcessDescription, JobInfo, JobList]


@st.composite
def answers(draw):
    headers = [("content-type", draw(TYPES)), ("location", draw(HEADER)), ("link", draw(HEADER))]
    headers = [(name, value) for name, value in headers if value and draw(st.booleans())]
    return httpx.Response(draw(st.sampled_from([200, 201, 202, 204])), headers=headers, content=draw(BODIES))


def quietly(read):
    try:
        return read()
    except EoError:
        return None


@pytest.mark.parametrize("model", MODELS)
@given(answer=answers())
def test_documents(model, answer):
    found = quietly(lambda: read_document(model, answer, URL))
    if found is not None:
        assert isinstance(found, model)
        assert model.model_validate(found.model_dump()) is not None
        found.model_dump_json()


@given(answer=answers())
def test_jobs_executions_and_results(answer):
    done = quietly(lambda: read_execution(answer, URL, "echo", {"outputs": {"a": {}}}, local_id="local"))
    if done is not None:
        assert done.job.jobID
        assert done.results is None or (done.job.status, answer.status_code // 100) == ("successful", 2)
        assert done.results is None or answer.status_code not in (201, 202)
        assert done.is_local == (done.job.jobID == "local")
    job = quietly(lambda: read_job(answer, URL, "a"))
    assert job is None or job.jobID == "a"
    assert read_dismissal(answer, "a").jobID == "a"
    results = quietly(lambda: read_results(answer, URL))
    if results is not None:
        results.model_dump_json()


@given(document=JSON, status=st.none() | st.integers(400, 599))
def test_error_bodies(document, status):
    said = api_error_of(document, status, "what we know")
    assert said.type
    assert said.detail
    assert status is None or said.status == status


@given(document=JSON, href=st.text(max_size=20))
@example(document={}, href="http://[::1")
def test_next_links_stay_with_the_configured_server(document, href):
    page = JobList.model_validate({"jobs": [], "links": [{"rel": "next", "href": href or "x"}]})
    call = quietly(lambda: Endpoint("https://processes.example/api").next_page(page.links, URL))
    assert call is None or call.url.startswith("https://processes.example/")


@given(inputs=st.dictionaries(NAMES, JSON, max_size=3), described=st.dictionaries(NAMES, JSON, max_size=4))
def test_validation(inputs, described):
    documents = {name: {"schema": schema} for name, schema in described.items()}
    process = ProcessDescription.model_validate({"id": "p", "inputs": documents})
    faults = validate_inputs(process, inputs)
    assert len({fault.name for fault in faults}) == len(faults)
    assert {fault.name for fault in faults} >= inputs.keys() - described.keys()


@given(st.text(max_size=20))
def test_every_status_has_a_phase(status):
    assert phase_of(status) in {*ENDED, "submitted", "queued", "running"}


@pytest.mark.parametrize(
    ("status", "phase"),
    [
        ("created", "submitted"),
        ("accepted", "queued"),
        ("running", "running"),
        ("RUNNING ", "running"),
        ("successful", "succeeded"),
        ("succeeded", "succeeded"),
        ("finished", "succeeded"),
        ("success", "succeeded"),
        ("failed", "failed"),
        ("dismissed", "cancelled"),
    ],
)
def test_the_phases(status, phase, caplog):
    assert phase_of(status) == phase
    assert not caplog.records


def test_an_unknown_status_is_told_and_goes_on(caplog):
    assert phase_of("paused") == "running"
    assert "'paused'" in caplog.text
