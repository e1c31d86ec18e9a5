"""Operations of Earth Engine, read: every state has a phase."""

import logging
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from eoflows.base.errors import ContractError
from eoflows.base.times import parse_utc
from eoflows.jobs.models import JobState, Phase
from eoflows.services.earth_engine.failures import Failure, judge

__all__ = ["OperationState", "eecu_seconds", "failure_of", "read_operation"]


class OperationState(StrEnum):
    """States of an operation; with the names that older clients, and CEDAR, give them."""

    PENDING = "PENDING"
    RUNNING = "RUNNING"
    CANCELLING = "CANCELLING"
    SUCCEEDED = "SUCCEEDED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


_PHASES = {
    OperationState.PENDING: Phase.QUEUED,
    OperationState.RUNNING: Phase.RUNNING,
    OperationState.CANCELLING: Phase.CANCELLING,
    OperationState.SUCCEEDED: Phase.SUCCEEDED,
    OperationState.CANCELLED: Phase.CANCELLED,
    OperationState.FAILED: Phase.FAILED,
    # As legacy tasks have them.
    "UNSUBMITTED": Phase.SUBMITTED,
    "READY": Phase.QUEUED,
    "COMPLETED": Phase.SUCCEEDED,
    "CANCEL_REQUESTED": Phase.CANCELLING,
}


def read_operation(document: Any, *, url: str = "") -> JobState:
    """Read an operation.

    A state that is not known is logged and taken as running; one that is missing is judged by `done` and
    `error`.

    Raises:
        ContractError: It is no operation.
    """
    if not isinstance(document, Mapping) or not isinstance(document.get("name"), str):
        raise ContractError("this is no operation of Earth Engine: it has no name", url=url)
    about = document.get("metadata")
    about = about if isinstance(about, Mapping) else {}
    raw = str(about.get("state") or "")
    phase = _phase(raw, document)
    failure = failure_of(document)
    return JobState(
        id=document["name"].rpartition("/")[2],
        phase=phase,
        raw_status=raw,
        progress=1.0 if phase is Phase.SUCCEEDED else _progress(about),
        message=str(failure) if failure and phase is Phase.FAILED else str(about.get("description") or ""),
        created=_time(about, "createTime", url),
        started=_time(about, "startTime", url),
        finished=_time(about, "endTime", url),
        updated=_time(about, "updateTime", url),
        document=dict(document),
    )


def _phase(raw: str, document: Mapping[str, Any]) -> Phase:
    if raw in _PHASES:
        return _PHASES[raw]
    if document.get("done"):
        return Phase.FAILED if document.get("error") else Phase.SUCCEEDED
    if raw not in ("", "STATE_UNSPECIFIED"):
        logging.getLogger(__name__).warning("unknown state %.80r of an operation is taken as running", raw)
    return Phase.RUNNING


def failure_of(document: Mapping[str, Any]) -> Failure | None:
    """Give what went wrong with an operation; None if nothing did."""
    error = document.get("error")
    if not isinstance(error, Mapping):
        return None
    code = error.get("code")
    return judge(str(error.get("message") or "no reason given"), code if isinstance(code, int) else None)


def eecu_seconds(document: Mapping[str, Any]) -> float | None:
    """Give the compute that an operation has used so far, in EECU seconds."""
    used = (document.get("metadata") or {}).get("batchEecuUsageSeconds")
    return float(used) if isinstance(used, int | float) else None


def _progress(about: Mapping[str, Any]) -> float | None:
    value = about.get("progress")
    return min(1.0, max(0.0, float(value))) if isinstance(value, int | float) else None


def _time(about: Mapping[str, Any], name: str, url: str) -> datetime | None:
    text = about.get(name)
    try:
        return parse_utc(text) if text else None
    except ValueError as error:
        raise ContractError(f"an operation's {name} is {text!r}", url=url) from error
