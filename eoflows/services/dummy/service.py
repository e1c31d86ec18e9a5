"""How the made-up service is asked, and how its answers are read."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urljoin

import httpx

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.jobs.border import list_in, read_entries, read_json, read_time
from eoflows.jobs.models import Billing, Capabilities, JobState, Phase, Recognition, phase_of_word
from eoflows.jobs.service import Ask, Call, JobPage, JobService, Output
from eoflows.services.dummy.request import DummyRequest
from eoflows.stores.transfer import Checksum

__all__ = ["DummyService"]

_PHASES = {
    "running": Phase.RUNNING,
    "success": Phase.SUCCEEDED,
    "failed": Phase.FAILED,
    "cancelled": Phase.CANCELLED,
}


class DummyService(JobService[DummyRequest]):
    """One place of the made-up service.

    Args:
        url: Address of the place, like `http://127.0.0.1:8000/dummy/inputs-a`. The last part says how its
            jobs are recognised.
        settle: Seconds after which a new job is surely visible.
    """

    name = "dummy"
    request = DummyRequest

    def __init__(self, url: str, *, settle: float = 2.0, pending: int | None = None) -> None:
        self._jobs = f"{url.rstrip('/')}/jobs"
        kind = url.rstrip("/").rpartition("/")[2].partition("-")[0]
        try:
            recognition = Recognition(kind)
        except ValueError:
            raise InvalidInputError(
                f"{url} is no place of the dummy service: its last part begins with token, inputs, listing "
                "or none"
            ) from None
        lists = recognition is not Recognition.NONE
        self.can = Capabilities(
            recognition=recognition, lists=lists, cancels=True, settle=settle, pending=pending
        )

    def submission(self, request: DummyRequest, token: str) -> Call:
        """Describe the request that makes a job."""
        body = {"process": request.process, "inputs": request.inputs, "token": token}
        return Call("POST", self._jobs, json=body)

    def read_submission(self, answer: httpx.Response) -> JobState:
        """Read the new job."""
        return _state(_document(answer))

    def status(self, job_id: str) -> Call:
        """Describe the question for one job."""
        return Call("GET", f"{self._jobs}/{job_id}")

    def read_status(self, answer: httpx.Response) -> JobState:
        """Read the job."""
        return _state(_document(answer))

    def listing(self, process: str | None, since: datetime | None) -> Call:
        """Describe the question for all jobs, newest first."""
        return Call("GET", self._jobs, params={"process": process} if process else {})

    def read_listing(self, answer: httpx.Response) -> JobPage:
        """Read a page of jobs."""
        document = _document(answer)
        following = document.get("next")
        states, unread = read_entries(list_in(document, "jobs"), _state)
        call = Call("GET", urljoin(str(answer.url), following)) if following else None
        return JobPage(states, call, unread)

    def cancellation(self, job_id: str) -> Call:
        """Describe how a job is stopped."""
        return Call("DELETE", f"{self._jobs}/{job_id}")

    def read_cancellation(self, job_id: str, answer: httpx.Response) -> JobState:
        """Read the stopped job."""
        return _state(_document(answer))

    async def outputs(self, state: JobState, ask: Ask) -> Sequence[Output]:
        """Find the results of a job."""
        document = _document(await ask(Call("GET", f"{self._jobs}/{state.id}/results")))
        return [
            Output(one["name"], (one["href"],), size=one["size"], checksums=(Checksum.parse(one["md5"]),))
            for one in document["results"]
        ]


def _document(answer: httpx.Response) -> dict[str, Any]:
    document = read_json(answer)
    if not isinstance(document, dict):
        raise ContractError("the answer is no JSON object", url=str(answer.url))
    return document


def _state(document: Mapping[str, Any]) -> JobState:
    try:
        status = document["status"]
        if not isinstance(status, str):
            raise TypeError(f"its status is {status!r:.80}")
        return JobState(
            id=document["id"],
            # A state that is not known yet is followed until it becomes one that is.
            phase=_PHASES.get(status) or phase_of_word(status),
            raw_status=status,
            progress=document.get("progress"),
            process=document.get("process"),
            inputs=document.get("inputs"),
            created=read_time(document.get("created")),
            credits=document.get("credits"),
            billing=Billing(document.get("billing") or "none"),
            document=document,
        )
    except (KeyError, TypeError, ValueError) as error:
        raise ContractError(f"the job cannot be read: {type(error).__name__} {error}") from error
