"""How a run ended, in one value: it gives the state, the table and the line of the log."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Generic, Literal, TypeVar

from prefect.client.schemas.objects import State
from prefect.states import Completed, Failed

from eoflows.base.errors import EoError, PartialError

__all__ = [
    "LONGEST_CELL",
    "LONGEST_MESSAGE",
    "MOST_ROWS",
    "OnFailure",
    "Outcome",
    "Row",
    "escaped",
    "together",
]

MOST_ROWS = 200
"""Rows of a table that people see; what is left out is counted."""

LONGEST_CELL = 500
LONGEST_MESSAGE = 3000
_SENTENCES = 5

OnFailure = Literal["return", "fail"]
"""Whether what failed ends a run Failed, or is only said by the state's name and the result."""

Result = TypeVar("Result")
Row = Mapping[str, Any]

_MARKS = re.compile(r"[\\`*<>\[\]|~]|(?<![^\W_])_|_(?![^\W_])")


def escaped(text: str) -> str:
    """Give text that Markdown shows as it is, in one line."""
    return _MARKS.sub(lambda mark: f"\\{mark[0]}", " ".join(text.split()))


@dataclass(frozen=True, kw_only=True)
class Outcome(Generic[Result]):
    """How a run ended. What is not whole has an error, and so is never called a success.

    Attributes:
        name: Name of the state.
        sentence: What happened, with the counts, for people; plain text.
        result: What the flow returns.
        error: What went wrong; None if nothing did.
        message: What the state of a failed run says, where that is more than the sentence.
        rows: The table, those rows first that need attention.
        attention: How many rows need it.
        total: How many rows there would be; None is those that are given.
        nothing: The row of a table without rows.
        below: What else stands under the sentence, as Markdown.
    """

    name: str = "Completed"
    sentence: str
    result: Result
    error: BaseException | None = None
    message: str = ""
    rows: Sequence[Row] = ()
    attention: int = 0
    total: int | None = None
    nothing: Row = field(default_factory=lambda: {"what": "nothing"})
    below: str = ""

    @classmethod
    def failed(cls, name: str, sentence: str, result: Result, **others: Any) -> "Outcome[Result]":
        """Give an outcome whose sentence is all that is known of its error."""
        return cls(name=name, sentence=sentence, result=result, error=EoError(sentence), **others)

    @classmethod
    def of_many(
        cls,
        sentence: str,
        result: Result,
        errors: Mapping[str, BaseException],
        total: int,
        *,
        names: tuple[str, str, str] = ("Completed", "Partial", "Failed"),
        **others: Any,
    ) -> "Outcome[Result]":
        """Give the outcome of several things, each of which may have failed.

        Args:
            sentence: The counts.
            result: What the flow returns.
            errors: What went wrong, by thing.
            total: How many things there are.
            names: The state's name if none, some, or all of them failed.
            others: The table.
        """
        if not errors:
            return cls(name=names[0], sentence=sentence, result=result, **others)
        name, error = names[1] if len(errors) < total else names[2], PartialError(sentence, errors)
        return cls(name=name, sentence=sentence, result=result, error=error, message=str(error), **others)

    def state(self, on_failure: OnFailure = "fail") -> State[Result]:
        """Give the state that the flow returns.

        Args:
            on_failure: Whether an error ends the run Failed.
        """
        if self.error is not None and on_failure == "fail":
            message = (self.message or self.sentence)[:LONGEST_MESSAGE]
            return Failed(name=self.name, message=message, data=self.error)
        return Completed(name=self.name, message=self.sentence[:LONGEST_MESSAGE], data=self.result)

    @property
    def table(self) -> list[dict[str, Any]]:
        """The rows that are shown."""
        return [_cut(row) for row in self.rows[:MOST_ROWS]] or [dict(self.nothing)]

    @property
    def description(self) -> str:
        """The sentence and what stands below it, as Markdown; rows that are left out are counted."""
        shown, total = min(len(self.rows), MOST_ROWS), self.count
        more = f" The first {shown} of {total} rows are shown." if total > shown else ""
        return f"**{escaped(self.sentence)}**{more}{self.below}"

    @property
    def count(self) -> int:
        """How many rows there would be."""
        return max(len(self.rows), self.total or 0)


def _cut(row: Row) -> dict[str, Any]:
    return {
        name: f"{value[: LONGEST_CELL - 1]}…"
        if isinstance(value, str) and len(value) > LONGEST_CELL
        else value
        for name, value in row.items()
    }


def together(outcomes: Sequence[Outcome[Any]]) -> Outcome[None]:
    """Give one table of several outcomes of a run; rows that need attention stay first.

    Args:
        outcomes: One or more.
    """
    first, *others = outcomes
    if not others:
        return replace(first, result=None)
    bad = [row for one in outcomes for row in one.rows[: one.attention]]
    good = [row for one in outcomes for row in one.rows[one.attention :]]
    sentences = [one.sentence for one in outcomes[:_SENTENCES]]
    if len(outcomes) > _SENTENCES:
        sentences.append(f"And {len(outcomes) - _SENTENCES} more.")
    return Outcome(
        sentence=" ".join(sentences),
        result=None,
        rows=[*bad, *good],
        attention=len(bad),
        total=sum(one.count for one in outcomes),
        nothing=first.nothing,
        below="".join(dict.fromkeys(one.below for one in outcomes)),
    )
