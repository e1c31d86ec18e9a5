"""What a server says of its jobs is bounded in every field, and each entry of a list is read for itself."""

import math
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.base.errors import ContractError
from eoflows.jobs.border import MOST_CREDITS, judged, list_in, read_entries, read_json, read_time
from eoflows.jobs.models import JobState, Phase, phase_of_word

ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=50),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=5), st.integers(), max_size=3),
)
DATES = st.one_of(ODD, st.datetimes(), st.datetimes(timezones=st.just(UTC)))


@given(ODD, ODD, ODD, ODD, DATES, st.booleans())
def test_whatever_a_column_reads_comes_in_within_bounds(
    name, status, progress, credits, time, discounts
) -> None:
    said = JobState(
        id=name,
        phase=Phase.RUNNING,
        raw_status=status,
        progress=progress,
        message=status,
        process=status,
        created=time,
        finished=time,
        credits=credits,
        document=status,
    )
    try:
        found = judged(said, discounts=discounts)
    except ContractError:
        assert not isinstance(name, str) or not name or not name.isprintable()
        return
    assert found.progress is None or 0 <= found.progress <= 1
    assert found.credits is None or (0 if not discounts else -MOST_CREDITS) <= found.credits <= MOST_CREDITS
    assert len(found.raw_status) <= 100
    assert "\0" not in found.raw_status + found.message
    for moment in (found.created, found.finished):
        # There is room for all that is done with a time.
        assert True
        assert moment is None or moment.utcoffset() == timedelta()
    assert isinstance(found.document, dict)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2016-12-31T23:59:60Z", datetime(2016, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("2025-01-01T00:00:00.123456789123Z", datetime(2025, 1, 1, 0, 0, 0, 123456, tzinfo=UTC)),
        ("0001-01-01T00:00:00Z", None),
        ("9999-12-31T23:59:59Z", None),
        ("2025-01-01T00:00:00+99:99", None),
        ("1970-01-01T00:00:00Z", None),
        (1620736496, None),
        ("x" * 10_000_000, None),
    ],
)
def test_times(text: object, expected: datetime | None) -> None:
    assert read_time(text) == expected


def test_prices_that_none_can_be_are_said() -> None:
    for price in (-1, 2**63, 1e30, math.nan, "12"):
        found = judged(JobState(id="a", phase=Phase.RUNNING, credits=price))  # type: ignore[arg-type]
        assert found.credits is None
        assert "price" in found.message
    assert judged(JobState(id="a", phase=Phase.RUNNING, credits=-5), discounts=True).credits == -5
    assert judged(JobState(id="a", phase=Phase.RUNNING, credits=1.2)).credits == 2  # type: ignore[arg-type]


def test_what_is_nested_too_deep_is_left_out() -> None:
    deep: dict[str, object] = {}
    for _ in range(900):
        deep = {"a": deep}
    found = judged(JobState(id="a", phase=Phase.RUNNING, document=deep, inputs={"x": [1]}))
    assert (found.document, found.inputs) == ({}, {"x": [1]})


def test_each_entry_is_read_for_itself() -> None:
    def read(entry: dict[str, str]) -> JobState:
        return JobState(id=entry["id"], phase=Phase(entry["status"]))

    entries = [
        {"id": "a", "status": "running"},
        None,
        "b",
        7,
        {"id": "c"},
        {"status": "running"},
        [],
        {"id": {}},
    ]
    states, unread = read_entries(entries, read)
    assert [state.id for state in states] == ["a"]
    assert [one.id for one in unread] == [None, "b", "7", "c", None, None, None]
    assert all(one.why for one in unread)


@pytest.mark.parametrize("document", [None, {}, {"jobs": None}, {"jobs": {}}, 5, "jobs"])
def test_what_is_no_list(document: object) -> None:
    with pytest.raises(ContractError, match="no list"):
        list_in(document, "jobs")


@pytest.mark.parametrize("body", [b"", b"{", b"NaN", b"1e400", b"," * 2_000_001, b"[" * 5000, b'"\\ud800"'])
def test_what_is_no_json(body: bytes) -> None:
    with pytest.raises(ContractError):
        read_json(httpx.Response(200, content=body, request=httpx.Request("GET", "http://x.example/")))


@pytest.mark.parametrize(
    ("words", "phase"),
    [
        ("completed Finished SUCCESS succeeded ProcessSucceeded done", Phase.SUCCEEDED),
        ("error errored exception failure timed-out", Phase.FAILED),
        ("canceled CANCELLED revoked aborted dismissed", Phase.CANCELLED),
        ("pending queued", Phase.QUEUED),
        ("running paused undeployed pondering 5", Phase.RUNNING),
    ],
)
def test_words(words: str, phase: Phase) -> None:
    assert {phase_of_word(word) for word in words.split()} == {phase}
