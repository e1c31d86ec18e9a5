"""The border: what a server says of its jobs, turned into our types, whatever it is.

A time that cannot be, a number that is none, an entry that is no job: each costs what it belongs to, and
nothing beside it. What comes in here is bounded in every field, so that inside nobody asks again.
"""

import logging
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import httpx
import orjson

from eoflows.base.errors import ContractError, EoError
from eoflows.base.times import parse_utc
from eoflows.jobs.models import JobState, Phase

__all__ = ["MOST_CREDITS", "Unread", "judged", "list_in", "read_entries", "read_json", "read_time", "reading"]

MOST_CREDITS = 2**31 - 1
"""The largest price that can be meant; every ledger can keep it."""
_DEEPEST = 100
_MOST_VALUES = 2_000_000
_LONGEST_ID, _LONGEST_MESSAGE, _LONGEST_STATUS = 300, 2000, 100
_LEAP, _FINER = re.compile(r"(:\d\d):60(?!\d)"), re.compile(r"([.,]\d{9})\d+")
"""A leap second is told as the one before it; digits beyond the ninth say nothing."""
_YEARS = range(1971, 9999)
"""Years that a service means when it says one: Go's zero time is year 1, Unix' 1970, an open end 9999."""


def reading(error: Exception, url: str = "") -> EoError:
    """Give what went wrong with a document as an error of our tree; its cause is kept by `raise ... from`."""
    if isinstance(error, EoError):
        return error
    said = f"{type(error).__name__}: {error}"
    return ContractError(f"the answer cannot be read: {said[:300]}", url=url)


def read_json(answer: httpx.Response) -> Any:
    """Read an answer's JSON.

    Raises:
        ContractError: It is not JSON, or has more values than any answer of a service of jobs.
    """
    body, url = answer.content, str(answer.url)
    if body.count(b",") > _MOST_VALUES:
        raise ContractError(f"the answer has more than {_MOST_VALUES} values", url=url)
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ContractError("the answer is not JSON", url=url) from error


def list_in(document: Any, name: str = "") -> list[Any]:
    """Give the list in a document, or under one name of it.

    Raises:
        ContractError: There is none.
    """
    found = document.get(name) if name and isinstance(document, Mapping) else None if name else document
    if not isinstance(found, list):
        raise ContractError(f"this is no list of jobs: {name or 'it'} is {type(found).__name__}")
    return found


@dataclass(frozen=True)
class Unread:
    """An entry of a list that is no job as it stands; its job may be asked for by itself.

    Attributes:
        id: The id that it names, or None.
        why: What is wrong with it.
    """

    id: str | None
    why: str


def read_entries(
    entries: Iterable[Any], read: Callable[[Any], JobState], names: Sequence[str] = ("jobID", "id")
) -> tuple[list[JobState], list[Unread]]:
    """Read the entries of a list, each for itself.

    Args:
        entries: What the list has.
        read: Reads one.
        names: Fields that may have an entry's id.
    """
    states: list[JobState] = []
    unread: list[Unread] = []
    for entry in entries:
        try:
            states.append(read(entry))
        except Exception as error:  # noqa: BLE001 - the boundary of an entry
            unread.append(Unread(_id_in(entry, names), str(reading(error))[:300]))
    return states, unread


def _id_in(entry: Any, names: Sequence[str]) -> str | None:
    found = [entry.get(name) for name in names] if isinstance(entry, Mapping) else [entry]
    return next((str(one) for one in found if isinstance(one, str | int) and _is_id(str(one))), None)


def _is_id(text: str) -> bool:
    return bool(text) and len(text) <= _LONGEST_ID and text.isprintable()


def read_time(value: object) -> datetime | None:
    """Read a time that a service says of a job, as aware UTC; None where it is no time that it can mean."""
    if isinstance(value, str):
        value = _FINER.sub(r"\1", _LEAP.sub(r"\1:59", value[:80]))
    elif not isinstance(value, datetime):
        return None
    try:
        moment = parse_utc(value)
    except EoError:
        return None
    return moment if moment.year in _YEARS else None


def judged(state: JobState, *, discounts: bool = False) -> JobState:
    """Give what a service says of a job, each field within its bounds.

    Args:
        state: As the service's column read it.
        discounts: Whether the service's contract knows prices below zero.

    Raises:
        ContractError: It names no job.
    """
    if not isinstance(state.id, str) or not _is_id(state.id):
        raise ContractError(f"a job's id is {state.id!r:.80}, which is none")
    message, credits = _text(state.message, _LONGEST_MESSAGE), _credits(state.credits, discounts)
    if credits is None and state.credits is not None:
        said = f"the service names a price that none can be: {state.credits!r:.40}"
        logging.getLogger(__name__).warning("job %.80s: %s", state.id, said)
        message = f"{message}; {said}".removeprefix("; ")
    deep = {name: _is_too_deep(getattr(state, name)) for name in ("document", "inputs")}
    return replace(
        state,
        phase=Phase(state.phase),
        raw_status=_text(state.raw_status, _LONGEST_STATUS),
        progress=_part(state.progress),
        message=message,
        process=None if state.process is None else _text(state.process, _LONGEST_ID),
        inputs=None if deep["inputs"] else state.inputs,
        created=read_time(state.created),
        started=read_time(state.started),
        finished=read_time(state.finished),
        updated=read_time(state.updated),
        credits=credits,
        document={} if deep["document"] or not isinstance(state.document, Mapping) else state.document,
    )


def _text(value: object, longest: int) -> str:
    """PostgreSQL keeps no NUL, whatever a service says."""
    return str(value).replace("\0", "")[:longest]


def _part(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return min(1.0, max(0.0, float(value)))


def _credits(value: object, discounts: bool) -> int | None:
    """A fraction is rounded up, so that nobody pays more than was said."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    found = math.ceil(value)
    return found if (-MOST_CREDITS if discounts else 0) <= found <= MOST_CREDITS else None


def _is_too_deep(value: Any) -> bool:
    """Whether something is nested so deep that what writes or compares it would fail."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            inner
            for one in level
            if isinstance(one, Mapping | list)
            for inner in (one.values() if isinstance(one, Mapping) else one)
            if isinstance(inner, Mapping | list)
        ]
        if not level:
            return False
    return True
