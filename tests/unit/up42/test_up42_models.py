import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.base.errors import ContractError, DeadlineError
from eoflows.base.times import parse_utc
from eoflows.jobs.models import Billing, Phase
from eoflows.services.up42 import (
    JobRecord,
    JobSorting,
    JobStatus,
    SortingField,
    UnfinishedJob,
    ValidationError,
)
from eoflows.services.up42.models import read_findings, read_job

RECORD = Path(__file__).parents[4] / "shared" / "data" / "up42" / "09_execution.json"
CREATED = datetime(2025, 1, 2, 3, 4, 5, 678123, UTC)


def metadata(**changes):
    return {
        "processID": "pansharpening",
        "jobID": "a-job",
        "accountID": "an-account",
        "workspaceID": "a-workspace",
        "definition": {"inputs": {"title": "A title"}},
        "results": None,
        "creditConsumption": None,
        "status": "created",
        "created": "2025-01-02T03:04:05.678123456Z",
        "started": None,
        "finished": None,
        "updated": "2025-01-02T03:04:05.678123456Z",
        **changes,
    }


@pytest.mark.skipif(not RECORD.exists(), reason="the shared data are not here")
def test_the_recorded_job():
    document = json.loads(RECORD.read_text())["response"]["json"]
    job = read_job(document)
    assert (job.id, job.process_id) == (document["jobID"], document["processID"])
    assert (job.account_id, job.workspace_id) == (document["accountID"], document["workspaceID"])
    assert (job.status, job.created, job.updated) == (JobStatus.CREATED, CREATED, CREATED)
    assert job.definition == {"inputs": {"item": "https://item-url", "title": "title"}}
    assert (job.collection_url, job.errors, job.credits, job.started, job.finished) == (None,) * 5
    assert job.document is document


@pytest.mark.parametrize(
    ("status", "finished", "seen", "billing"),
    [
        ("successful", "2025-01-02T03:05:00Z", "2025-01-02T03:05:10Z", Billing.WITHHELD),
        ("successful", "2025-01-02T03:05:00Z", "2025-01-02T03:05:11Z", Billing.CAPTURED),
        ("successful", None, "2025-01-02T03:05:11Z", Billing.CAPTURED),
        ("successful", "2025-01-02T03:05:00Z", None, Billing.WITHHELD),
        ("failed", "2025-01-02T03:05:00Z", "2025-01-02T03:05:11Z", Billing.NONE),
        ("running", None, "2026-01-02T03:05:11Z", Billing.WITHHELD),
    ],
)
def test_a_price_of_which_nothing_more_is_said_is_settled_in_time(status, finished, seen, billing):
    document = metadata(status=status, finished=finished)
    job = read_job(document, seen=parse_utc(seen) if seen else None)
    state = job.state(timedelta(seconds=10))
    assert (state.billing, state.credits) == (billing, None)
    assert job.state().billing is Billing.WITHHELD


def test_a_job_that_is_over():
    job = read_job(
        metadata(
            status="captured",
            results={"collection": "https://api/collections/1"},
            creditConsumption={"credits": 63, "hold_id": "x"},
            started="2025-01-02T03:04:06Z",
            finished="2025-01-02T03:05:06.5Z",
        )
    )
    assert (job.collection_url, job.credits) == ("https://api/collections/1", 63)
    state = job.state()
    assert (state.phase, state.billing, state.credits) == (Phase.SUCCEEDED, Billing.CAPTURED, 63)
    assert (state.started, state.finished) == (
        datetime(2025, 1, 2, 3, 4, 6, tzinfo=UTC),
        datetime(2025, 1, 2, 3, 5, 6, 500_000, UTC),
    )
    assert (state.id, state.process, state.inputs) == ("a-job", "pansharpening", {"title": "A title"})
    assert state.settled


@pytest.mark.parametrize(
    ("changes", "phase", "billing", "settled"),
    [
        ({"status": "successful"}, "succeeded", "withheld", False),
        ({"status": "successful", "creditConsumption": {"credits": 0}}, "succeeded", "captured", True),
        ({"status": "failed"}, "failed", "withheld", False),
        ({"status": "released"}, "failed", "released", True),
        ({"status": "rejected"}, "rejected", "none", True),
        ({"status": "paused-by-provider"}, "running", "withheld", False),
    ],
)
def test_work_and_price_are_two_facts(changes, phase, billing, settled):
    state = read_job(metadata(**changes)).state()
    assert (state.phase, state.billing, state.settled) == (phase, billing, settled)
    assert (state.raw_status, type(state.raw_status)) == (changes["status"], str)


def test_what_validation_found():
    errors = [{"name": "MissingPanchromaticAsset", "message": "The panchromatic band is missing."}]
    job = read_job(metadata(status="invalid", results={"errors": errors}))
    assert job.errors == (ValidationError("The panchromatic band is missing.", "MissingPanchromaticAsset"),)
    assert job.state().message == "MissingPanchromaticAsset: The panchromatic band is missing."
    assert read_findings(["odd", {"code": 7}]) == (
        ValidationError(message="odd", name="Unknown"),
        ValidationError(message="{'code': 7}", name="Unknown"),
    )
    assert read_findings(None) == read_findings({"name": "x"}) == ()


@given(digits=st.integers(0, 9), nanoseconds=st.integers(0, 999_999_999))
def test_times_have_any_number_of_digits(digits, nanoseconds):
    fraction = f"{nanoseconds:09}"[:digits]
    text = f"2025-01-02T03:04:05{'.' if digits else ''}{fraction}Z"
    job = read_job(metadata(created=text, updated=text))
    assert job.created == datetime(2025, 1, 2, 3, 4, 5, int(fraction[:6].ljust(6, "0")), UTC)
    assert job.updated.tzinfo is UTC


def test_what_only_informs_may_be_absent_or_odd():
    bare = {name: metadata()[name] for name in ("processID", "jobID", "status", "created")}
    job = read_job(bare)
    assert (job.workspace_id, job.updated, job.definition) == (None, job.created, {})
    odd = read_job(metadata(workspaceID=7, results=[], started="soon", definition=None, updated=12))
    assert (odd.workspace_id, odd.started, odd.errors, odd.updated) == (None, None, None, CREATED)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        *(metadata(**{name: None}) for name in ("processID", "jobID", "status", "created")),
        metadata(jobID=7),
        metadata(jobID=""),
        metadata(created="yesterday"),
        metadata(creditConsumption={"credits": "many"}),
    ],
)
def test_no_job(document):
    with pytest.raises(ContractError, match="job"):
        read_job(document)


def test_an_unfinished_job_is_a_deadline_that_passed():
    assert issubclass(UnfinishedJob, DeadlineError)
    assert issubclass(UnfinishedJob, TimeoutError)


def test_records_are_values():
    assert read_job(metadata()) == read_job(metadata(extra=1))
    assert len({ValidationError("m", "n"), ValidationError(message="m", name="n")}) == 1
    with pytest.raises(AttributeError):
        read_job(metadata()).status = "running"  # type: ignore[misc]
    documented = [
        "process_id",
        "id",
        "account_id",
        "workspace_id",
        "definition",
        "status",
        "created",
        "updated",
    ]
    documented += ["collection_url", "errors", "credits", "started", "finished"]
    assert list(JobRecord.__dataclass_fields__) == [*documented, "seen", "document"]


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (JobSorting.process_id, "processID,asc"),
        (JobSorting.status, "status,desc"),
        (JobSorting.created, "created,desc"),
        (JobSorting.credits, "creditConsumption.credits,desc"),
    ],
)
def test_sorting(field, text):
    name = text.partition(",")[0]
    assert str(field) == text
    assert (str(field.asc), str(field.desc)) == (f"{name},asc", f"{name},desc")
    assert field.asc.desc == SortingField(name, ascending=False)
    assert str(field) == text
