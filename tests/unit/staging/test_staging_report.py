import json
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.base.errors import PartialError, TruncatedError
from eoflows.products.staging import ItemRecord, Outcome, StagingReport
from eoflows.products.staging.verdict import Ending, StagingVerdict

RECORDS = st.lists(
    st.builds(
        ItemRecord, st.text(max_size=5), st.sampled_from(Outcome), st.text(max_size=5), st.integers(0, 9)
    )
)


@given(st.lists(RECORDS, max_size=5))
def test_the_counts_add_up(batches):
    with StagingReport() as report:
        for batch in batches:
            report.add(batch)
    total = Counter(record.outcome for batch in batches for record in batch)
    counts = report.summary()
    assert counts["found"] == sum(total.values()) - total[Outcome.PASSED_OVER]
    assert counts["found"] == sum(counts[name] for name in ("already", "staged", "failed", "planned"))
    assert counts["bytes"] == report.bytes_staged
    assert {outcome: report.count(outcome) for outcome in Outcome} == {one: total[one] for one in Outcome}


def test_the_file_has_every_record_and_the_summary_last(tmp_path):
    path = tmp_path / "deep" / "report.jsonl"
    records = [ItemRecord("a", Outcome.STAGED, "new", 7, 1), ItemRecord("b", Outcome.FAILED, "no")]
    with StagingReport(path) as report:
        report.add(records[:1])
        assert len(path.read_text().splitlines()) == 1
        report.add(iter(records[1:]))
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert lines[0] == {"item": "a", "outcome": "staged", "reason": "new", "bytes": 7, "assets": 1}
    assert lines[1]["outcome"] == "failed"
    assert lines[2] == {"summary": report.summary()}
    assert lines[2]["summary"]["staged"] == lines[2]["summary"]["failed"] == 1


def test_a_run_that_broke_leaves_no_summary(tmp_path):
    path, report = tmp_path / "report.jsonl", StagingReport(tmp_path / "report.jsonl")
    with report:
        report.add([ItemRecord("a", Outcome.STAGED)])
        report.__exit__(KeyError, KeyError("broken"), None)
    assert [json.loads(line)["item"] for line in path.read_text().splitlines()] == ["a"]


def test_memory_does_not_grow_with_the_items(tmp_path):
    with StagingReport(tmp_path / "r.jsonl", shown=10) as report:
        for number in range(1000):
            outcome = Outcome.FAILED if number % 2 else Outcome.STAGED
            report.add([ItemRecord(f"i{number}", outcome)])
    assert [record.item for record in report.failures] == [f"i{number}" for number in range(1, 20, 2)]
    assert len(report.others) == 10
    assert report.present == []
    assert report.found == 1000
    assert len((tmp_path / "r.jsonl").read_text().splitlines()) == 1001


def test_what_is_in_the_catalogue_afterwards():
    report = StagingReport(keep_present=True)
    report.add(ItemRecord(str(outcome), outcome) for outcome in Outcome)
    assert report.present == [str(Outcome.ALREADY), str(Outcome.STAGED)]


S, A, P, F, O = Outcome.STAGED, Outcome.ALREADY, Outcome.PLANNED, Outcome.FAILED, Outcome.PASSED_OVER  # noqa: E741


@pytest.mark.parametrize(
    ("outcomes", "lost", "ending", "sentence"),
    [
        ([], [], Ending.NOTHING_FOUND, "Nothing found in auxip."),
        ([O, O], [], Ending.NOTHING_FOUND, "Nothing found in auxip (2 passed over)."),
        ([S, A], [], Ending.COMPLETE, "2 found in auxip: 1 staged, 1 already there."),
        ([A, O], [], Ending.COMPLETE, "1 found in auxip: 1 already there."),
        ([P, A], [], Ending.PLANNED, "2 found in auxip: 1 would be staged, 1 already there."),
        ([A, A], [], Ending.COMPLETE, "2 found in auxip: 2 already there."),
        ([S, F], [], Ending.PARTIAL, "2 found in auxip: 1 staged, 1 failed."),
        ([A, F], [], Ending.PARTIAL, "2 found in auxip: 1 already there, 1 failed."),
        ([P, F], [], Ending.PARTIAL, "2 found in auxip: 1 would be staged, 1 failed."),
        ([F, O], [], Ending.FAILED, "1 found in auxip: 1 failed."),
        ([S, S], ["i1"], Ending.PARTIAL, "2 found in auxip: 2 staged, 1 missing from the catalogue."),
    ],
)
def test_endings(outcomes, lost, ending, sentence):
    report = StagingReport()
    report.add(ItemRecord(f"i{number}", outcome, "why") for number, outcome in enumerate(outcomes))
    verdict = StagingVerdict(report, [], lost, "auxip")
    assert verdict.ending is ending
    assert verdict.sentence == sentence
    assert verdict.succeeded == (ending in (Ending.COMPLETE, Ending.NOTHING_FOUND, Ending.PLANNED))
    error = verdict.error()
    assert isinstance(error, PartialError)
    failed = {f"i{number}" for number, outcome in enumerate(outcomes) if outcome is F}
    assert set(error.causes) == failed | set(lost)


@pytest.mark.parametrize(
    ("records", "ending"),
    [
        ([], Ending.FAILED),
        ([ItemRecord("a", Outcome.PASSED_OVER)], Ending.FAILED),
        ([ItemRecord("a", Outcome.STAGED)], Ending.PARTIAL),
        ([ItemRecord("a", Outcome.ALREADY)], Ending.PARTIAL),
        ([ItemRecord("a", Outcome.PLANNED)], Ending.PARTIAL),
    ],
)
def test_a_source_that_cut_its_answer_is_no_success(records, ending):
    report = StagingReport()
    report.add(records)
    report.was_cut(TruncatedError("1200 match, 1000 came"))
    verdict = StagingVerdict(report, [], [], "auxip")
    assert (verdict.ending, verdict.succeeded) == (ending, False)
    assert "1200 match, 1000 came" in verdict.sentence
    assert "1200 match" in str(verdict.error().causes["search of auxip"])
    assert report.summary()["cut"] == "1200 match, 1000 came"
