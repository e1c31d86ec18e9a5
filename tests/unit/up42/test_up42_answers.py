import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from eoflows.base.errors import ContractError, ForbiddenAddressError
from eoflows.services.up42 import Cost, ValidationError
from eoflows.services.up42.answers import (
    eula_of,
    is_accepted,
    next_page,
    next_url,
    read_cost,
    read_jobs,
    read_processes,
    read_signed_url,
    read_user,
    read_validation,
    time_of,
)

RECORDS = Path(__file__).parents[4] / "shared" / "data" / "up42"
API = "https://api.up42.com"
needs_records = pytest.mark.skipif(not RECORDS.exists(), reason="the shared data are not here")


def answers(name):
    found = json.loads((RECORDS / f"{name}.json").read_text())["response"]
    return [(one["status"], one["json"]) for one in (found if isinstance(found, list) else [found])]


@needs_records
def test_recorded_processes_and_licences():
    ((_, process),) = answers("03_process")
    assert eula_of(process) == "3f0a0000-0000-4000-8000-000000000000"
    ((_, described),) = answers("04_process_description_coregistration")
    assert eula_of(described) is None
    assert [is_accepted(document) for _, document in answers("05_eula")] == [True, False]


@needs_records
def test_recorded_validations():
    ((status, document),) = answers("06_validation_400")
    schema = ValidationError("data.inputs must contain ['item'] properties", "InvalidSchema")
    assert read_validation(status, document) == {schema}
    found = [read_validation(status, document) for status, document in answers("07_validation_422")]
    assert found == [
        {ValidationError("title is too long", "InvalidTitle")},
        {ValidationError("The panchromatic band is missing.", "MissingPanchromaticAsset")},
    ]
    assert read_validation(200, None) == frozenset()


@needs_records
def test_recorded_costs():
    assert [read_cost(document) for _, document in answers("08_cost")] == [
        Cost("area", 63, 15.8, "SQ_KM"),
        Cost("none", 1),
        Cost("discount", -1),
    ]


@needs_records
def test_a_page_with_the_recorded_job():
    ((_, job),) = answers("09_execution")
    links = [{"rel": "self", "href": "/x"}, {"rel": "next", "href": "/v2/y?a=b"}]
    page = {"jobs": [job, job], "links": links}
    assert [one.id for one in read_jobs(page)] == [job["jobID"]] * 2
    assert next_url(page, API) == f"{API}/v2/y?a=b"
    assert next_url({"jobs": []}, API) is None


def test_the_time_of_an_answer_is_the_services():
    dated = httpx.Response(200, headers={"date": "Thu, 02 Jan 2025 03:04:05 GMT"})
    assert time_of(dated) == datetime(2025, 1, 2, 3, 4, 5, tzinfo=UTC)
    for headers in ({}, {"date": "soon"}):
        assert abs(time_of(httpx.Response(200, headers=headers)) - datetime.now(UTC)) < timedelta(seconds=5)


@pytest.mark.parametrize(
    ("api", "href", "url"),
    [
        (API, "/v2/processing/jobs?offset=2", f"{API}/v2/processing/jobs?offset=2"),
        ("http://127.0.0.1:1/up42", "/v2/jobs", "http://127.0.0.1:1/up42/v2/jobs"),
        (API, "https://api.up42.com:443/v2/jobs", "https://api.up42.com:443/v2/jobs"),
    ],
)
def test_next_pages(api, href, url):
    assert next_page(api, href) == url


@pytest.mark.parametrize(
    "href",
    [
        "https://api.sa.up42.com/v2/jobs",
        "http://api.up42.com/v2/jobs",
        "https://api.up42.com.evil.example/v2",
        "//evil.example/v2",
        "https://user@evil.example/",
        "ftp://api.up42.com/",
        "v2/jobs",
        "",
    ],
)
def test_the_token_goes_to_no_other_host(href):
    with pytest.raises(ForbiddenAddressError, match="the next page is at"):
        next_page(API, href)


@pytest.mark.parametrize(
    "read",
    [
        lambda: eula_of([]),
        lambda: is_accepted({"isAccepted": "yes"}),
        lambda: read_validation(422, {"errors": []}),
        lambda: read_validation(400, {"title": "Bad Request"}),
        lambda: read_validation(418, {"errors": [{"name": "n", "message": "m"}]}),
        lambda: read_validation(422, None),
        lambda: read_cost({"pricingStrategy": "area"}),
        lambda: read_cost("free"),
        lambda: read_jobs({"jobs": None}),
        lambda: read_jobs({"jobs": [{}]}),
        lambda: read_jobs([]),
        lambda: next_url([], API),
        lambda: read_processes({}),
        lambda: read_processes({"processes": ["pansharpening"]}),
        lambda: read_user({"sub": None}),
        lambda: read_signed_url({"url": ""}),
    ],
)
def test_broken_answers(read):
    with pytest.raises(ContractError):
        read()


@pytest.mark.parametrize("more", [None, [], {"parameters": None}, {"parameters": [{"name": "eula-id"}]}])
def test_a_process_may_name_no_licence(more):
    assert eula_of({"id": "x", "additionalParameters": more}) is None
