"""Operations of Earth Engine, read: every state has a phase."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from eoflows.base.errors import ContractError
from eoflows.jobs.border import read_time
from eoflows.jobs.models import JobState, Phase, phase_of_word
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
        created=read_time(about.get("createTime")),
        started=read_time(about.get("startTime")),
        finished=read_time(about.get("endTime")),
        updated=read_time(about.get("updateTime")),
        document=dict(document),
    )


def _phase(raw: str, document: Mapping[str, Any]) -> Phase:
    if raw in _PHASES:
        return _PHASES[raw]
    if document.get("done"):
        return Phase.FAILED if document.get("error") else Phase.SUCCEEDED
    return Phase.RUNNING if raw in ("", "STATE_UNSPECIFIED") else phase_of_word(raw)


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
