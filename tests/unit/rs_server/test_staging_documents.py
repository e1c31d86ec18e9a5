"""What the staging service is asked, and what is read of its jobs."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.base.errors import InvalidInputError
from eoflows.jobs.ledger import JobRecord
from eoflows.jobs.models import Billing, Phase
from eoflows.products.staging.by_service import (
    StationJob,
    by_station,
    item_ids,
    job_document,
    staging_requests,
)
from eoflows.products.staging.service_input import read_stac_input

NOW = datetime(2026, 1, 1, tzinfo=UTC)


def item(name: str, **hrefs: str) -> dict[str, Any]:
    assets = {key: {"href": href} for key, href in hrefs.items()}
    return {"id": name, "type": "Feature", "properties": {}, "assets": assets, "links": []}


def collection(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"type": "FeatureCollection", "features": list(items), **more}


def row(phase: Phase, **more: Any) -> JobRecord:
    fields: dict[str, Any] = dict.fromkeys(JobRecord.__dataclass_fields__)
    known = {"phase": phase, "billing": Billing.NONE, "message": "", "changed_at": NOW, "remote_id": None}
    return JobRecord(**{**fields, **known, **more})


async def never(url: str) -> Any:
    raise AssertionError(f"{url} was asked for")


def test_items_are_sorted_by_the_host_of_their_first_wanted_asset():
    a, b = item("a", x="https://one/1", y="https://two:8443/2"), item("b", y="http://two/3")
    c, d = item("c", x="not a [url"), item("d")
    assert by_station([a, b, c, d], None) == {"one": [a], "two": [b], "": [c, d]}
    assert by_station([a, b], ["y"]) == {"two": [a, b]}


@given(st.sets(st.integers(0, 999), max_size=350))
def test_every_item_is_in_exactly_one_execution_of_at_most_100(numbers):
    items = [item(str(number)) for number in numbers]
    requests = staging_requests(items, "s1-aux", ["b", "a"])
    ids = [item_ids(request.model_dump(mode="json"), "s1-aux") for request in requests]
    assert all(1 <= len(one) <= 100 for one in ids)
    assert sum(map(len, ids)) == len(items)
    assert frozenset().union(*ids) == {one["id"] for one in items}
    assert all(request.inputs["asset_names"] == ["a", "b"] for request in requests)
    assert staging_requests(items[::-1], "s1-aux", ["a", "b"]) == requests


def test_items_of_another_collection_or_process_are_no_business_of_ours():
    (request,) = staging_requests([item("a")], "s1-aux", None)
    document = request.model_dump(mode="json")
    assert "asset_names" not in document["inputs"]
    assert item_ids(document, "s2-aux") == frozenset()
    assert item_ids({**document, "process_id": "ndvi"}, "s1-aux") == frozenset()
    by_address = {"collection": "s1-aux", "items": {"href": "https://station/search"}}
    assert item_ids({"process_id": "staging", "inputs": by_address}, "s1-aux") == frozenset()


@pytest.mark.parametrize(
    ("record", "error", "status", "message"),
    [
        (row(Phase.SUCCEEDED, remote_id="j", document={"status": "successful"}), "", "successful", ""),
        (row(Phase.FAILED, remote_id="j", message="boom"), "", "failed", "boom"),
        (row(Phase.CANCELLED, remote_id="j", document={"status": "dismissed"}), "", "dismissed", ""),
        (row(Phase.LOST, remote_id="j", document={"status": "running"}), "", "failed", ""),
        (row(Phase.UNKNOWN), "nobody can say", "failed", "nobody can say"),
        (None, "answered 403", "failed", "answered 403"),
    ],
)
def test_a_job_always_says_how_it_fared(record, error, status, message):
    found = job_document([StationJob("one", frozenset("a"), record, error)])
    assert (found["status"], found["message"]) == (status, message)
    assert found["jobID"] == (record and record.remote_id)
    assert found["phase"] == (str(record.phase) if record else "rejected")


def test_of_several_jobs_the_one_that_fared_worst_is_shown():
    good = StationJob("one", frozenset("a"), row(Phase.SUCCEEDED, remote_id="1", document={"status": "ok"}))
    bad = StationJob("one", frozenset("b"), row(Phase.FAILED, remote_id="2", message="boom"))
    assert job_document([good, bad])["jobID"] == job_document([bad, good])["jobID"] == "2"


@pytest.mark.anyio
async def test_every_form_of_input(tmp_path: Path):
    a, b = item("a"), item("b")
    file = tmp_path / "items.json"
    file.write_text(json.dumps(collection(a, b)))

    async def fetch(url: str) -> Any:
        assert url == "https://station/search?x=1"
        return collection(b)

    for given_, expected in (
        (collection(a, b), [a, b]),
        (a, [a]),
        (json.dumps(collection(b, a)), [b, a]),
        (f"  {json.dumps(b)}\n", [b]),
        (str(file), [a, b]),
        ("https://station/search?x=1", [b]),
        (collection(a, dict(a)), [a]),
        (collection(), []),
    ):
        assert await read_stac_input(given_, fetch) == expected


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ("items.json", "nor the absolute path of a .json file"),
        ("/etc/passwd", "nor the absolute path of a .json file"),
        ("/nowhere/items.json", "/nowhere/items.json cannot be read: No such file"),
        ('{"type": "Feature"', "is no JSON"),
        ("[]", "no FeatureCollection but []"),
        ({"type": "Catalog"}, "no FeatureCollection but {'type': 'Catalog'}"),
        ({"type": "FeatureCollection"}, "no list of features"),
        (collection({"id": "a"}), "item 'a' cannot be read: it has no properties"),
        (collection(item("a"), item("a", x="https://one")), "two different items with the id 'a'"),
        (collection(item("a"), links=[{"rel": "next", "href": "x"}]), "one page of several"),
        (7, "give items as JSON, a path or a URL"),
    ],
)
async def test_what_is_no_input(given_, words):
    with pytest.raises(InvalidInputError) as caught:
        await read_stac_input(given_, never)
    assert words in str(caught.value)
