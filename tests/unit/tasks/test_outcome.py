"""One value says how a run ended: state, table, sentence."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect.client.schemas.objects import StateType

from eoflows.base.errors import EoError, PartialError
from eoflows.tasks.outcome import (
    LONGEST_CELL,
    LONGEST_MESSAGE,
    MOST_ROWS,
    Outcome,
    escaped,
    together,
)

NAMES = ("Completed", "PartiallyMade", "NothingMade")
texts = st.text(max_size=40)
rows = st.lists(st.dictionaries(st.sampled_from(["item", "why", "size"]), texts, min_size=1), max_size=300)


def many(failed: int, total: int) -> Outcome[str]:
    errors: dict[str, BaseException] = {f"thing {number}": EoError("no") for number in range(failed)}
    return Outcome.of_many(f"{failed} of {total} failed.", "made", errors, total, names=NAMES)


@given(st.integers(1, 20).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_some_failed_is_no_success_and_all_failed_is_not_partial(counts: tuple[int, int]) -> None:
    failed, total = counts
    outcome = many(failed, total)
    state, told = outcome.state("fail"), outcome.state("return")
    expected = NAMES[0] if not failed else (NAMES[1] if failed < total else NAMES[2])
    assert (state.name, told.name) == (expected, expected)
    assert state.type is (StateType.FAILED if failed else StateType.COMPLETED)
    assert told.type is StateType.COMPLETED
    assert told.data == "made"
    assert isinstance(state.data, PartialError) is bool(failed)
    assert told.message == f"{failed} of {total} failed."
    assert (state.message or "").startswith(f"{failed} of {total} failed.")


def test_a_failed_outcome_without_causes_says_its_sentence() -> None:
    outcome = Outcome.failed("NotReached", "nobody answers", None)
    state = outcome.state()
    assert (state.type, state.name, state.message) == (StateType.FAILED, "NotReached", "nobody answers")
    with pytest.raises(EoError, match="nobody answers"):
        raise state.data


@given(st.text(max_size=5000))
def test_a_message_has_an_end(text: str) -> None:
    assert len(Outcome(sentence=text, result=1).state().message or "") <= LONGEST_MESSAGE


@given(texts)
def test_text_stays_text_in_markdown(text: str) -> None:
    """No mark is left that Markdown reads, and without its backslashes the text is the old one."""
    shown = escaped(text)
    assert re.search(r"(?<!\\)(\\\\)*[`*<>\[\]|~]", shown) is None
    assert "\n" not in shown
    assert re.sub(r"\\([\\`*<>\[\]|~_])", r"\1", shown) == " ".join(text.split())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("AUX_POEORB of S1A_OL_0_EFR____2025", "AUX_POEORB of S1A_OL_0_EFR\\_\\_\\_\\_2025"),
        ("**bold** <img src=x>", "\\*\\*bold\\*\\* \\<img src=x\\>"),
        ("[here](http://x)", "\\[here\\](http://x)"),
        ("two\nlines | a cell", "two lines \\| a cell"),
        ("_slanted_", "\\_slanted\\_"),
    ],
)
def test_samples_of_text_in_markdown(text: str, shown: str) -> None:
    assert escaped(text) == shown


@given(rows, st.integers(0, 100))
def test_a_table_has_a_limit_and_says_how_much_is_left_out(found: list[dict[str, str]], more: int) -> None:
    total = len(found) + more
    outcome = Outcome(sentence="All.", result=None, rows=found, total=total, nothing={"item": "none"})
    shown = min(len(found), MOST_ROWS)
    assert len(outcome.table) == max(1, shown)
    assert outcome.table == (found[:MOST_ROWS] or [{"item": "none"}])
    left_out = f" The first {shown} of {total} rows are shown."
    assert outcome.description == f"**All.**{left_out if total > shown else ''}"


def test_a_cell_has_an_end_and_numbers_stay_numbers() -> None:
    (row,) = Outcome(sentence="", result=None, rows=[{"why": "x" * 9000, "size": 10**600}]).table
    assert (len(row["why"]), row["why"][-1], row["size"]) == (LONGEST_CELL, "…", 10**600)


parts = st.builds(
    lambda bad, good: Outcome(
        sentence=f"{len(bad)} bad, {len(good)} good.",
        result=None,
        rows=[{"why": word} for word in [*bad, *good]],
        attention=len(bad),
    ),
    st.lists(st.just("bad"), max_size=150),
    st.lists(st.just("good"), max_size=150),
)


@given(st.lists(parts, min_size=1, max_size=8))
def test_several_outcomes_make_one_table_with_what_needs_attention_first(some: list[Outcome[Any]]) -> None:
    whole = together(some)
    bad = sum(one.attention for one in some)
    words = [row["why"] for row in whole.rows]
    assert words == ["bad"] * bad + ["good"] * (sum(len(one.rows) for one in some) - bad)
    assert (whole.attention, whole.count) == (bad, len(words))
    assert all(one.sentence in whole.sentence for one in some[:5])
    assert ("more." in whole.sentence) is (len(some) > 5)
