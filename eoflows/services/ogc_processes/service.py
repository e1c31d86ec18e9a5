"""A server of OGC API - Processes as one of the services that run jobs."""

import logging
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import anyio
import httpx
import orjson

from eoflows.base.errors import (
    ContractError,
    OutcomeUnknownError,
    RefusedError,
    ServiceError,
    UnreachableError,
)
from eoflows.jobs.border import list_in, read_entries, read_json
from eoflows.jobs.models import OPEN, Capabilities, JobState, Phase, Recognition
from eoflows.jobs.service import Ask, Call, JobPage, JobService
from eoflows.jobs.service import Output as JobOutput
from eoflows.services.ogc_processes.answers import read_dismissal, read_document, read_execution, read_job
from eoflows.services.ogc_processes.calls import Endpoint, OgcCall
from eoflows.services.ogc_processes.errors import ResultsNotReadyError, client_error
from eoflows.services.ogc_processes.forms import is_of_part_3
from eoflows.services.ogc_processes.kept import answer_in, kept_answer
from eoflows.services.ogc_processes.links import job_id_in
from eoflows.services.ogc_processes.models import Capabilities as Document
from eoflows.services.ogc_processes.models import JobInfo, ProcessDescription
from eoflows.services.ogc_processes.outputs import outputs_of
from eoflows.services.ogc_processes.request import OgcRequest
from eoflows.services.ogc_processes.results import json_of, read_results
from eoflows.services.ogc_processes.states import phase_of
from eoflows.services.ogc_processes.validation import InvalidInputsError, validate_inputs

__all__ = ["OgcService"]

_PAGE = 200
"""Jobs to ask for per page; the standard's recommendation for the largest is 1000."""
_LONGEST_MESSAGE = 2000
_KEPT_ANSWER = "eoflows:answer"
_SENT = frozenset({"inputs", "request"})
"""What a status document may hold of the request; the ledger has it already."""


class OgcService(JobService[OgcRequest]):
    """The jobs of one server.

    Args:
        url: Its landing page.
        recognition: `inputs` if its job documents show the inputs as they were sent; `listing` if its list
            of jobs is complete; else `none`.
        lists: Whether it lists jobs.
        cancels: Whether DELETE stops a job.
        settle: Seconds after which a new job is surely visible.
        pending: Jobs that may wait or run at a time; None sets no limit.
        checks: Whether inputs are checked before they are sent; else that is left to the server.
    """

    name = "ogc-processes"
    request = OgcRequest

    def __init__(
        self,
        url: str,
        *,
        recognition: Recognition = Recognition.NONE,
        lists: bool = True,
        cancels: bool = True,
        settle: float = 30.0,
        pending: int | None = None,
        checks: bool = True,
    ) -> None:
        self._endpoint = Endpoint(url)
        self.can = Capabilities(
            recognition=recognition, lists=lists, cancels=cancels, settle=settle, pending=pending
        )
        self._checks = checks
        self._described: dict[str, ProcessDescription] = {}
        self._asking = anyio.Lock()

    async def check(self, request: OgcRequest, ask: Ask) -> None:
        """Check the inputs against the process description; one that cannot be read checks nothing.

        Raises:
            InvalidInputsError: They do not fit; one fault per input.
            AbsentError: There is no such process.
        """
        inputs = request.document().get("inputs") or {}
        if not self._checks:
            return
        try:
            described = await self._describe(request.process_id, ask)
        except ContractError as error:
            logging.getLogger(__name__).warning("inputs are sent unchecked: %s", error)
            return
        if faults := await anyio.to_thread.run_sync(validate_inputs, described, inputs):
            message = f"the inputs do not fit process {request.process_id!r}; nothing was sent"
            if any(map(is_of_part_3, inputs.values())):
                message += (
                    ". Collections and processes as inputs (Part 3) are checked by servers alone: turn "
                )
                message += "off `check_inputs` in the server's block"
            raise InvalidInputsError(message, tuple(faults))

    async def _describe(self, process_id: str, ask: Ask) -> ProcessDescription:
        async with self._asking:
            if process_id not in self._described:
                answer = await ask(_call(self._endpoint.process(process_id)))
                self._described[process_id] = read_document(ProcessDescription, answer, str(answer.url))
        return self._described[process_id]

    def submission(self, request: OgcRequest, token: str) -> Call:
        """Describe the execution."""
        return _call(self._endpoint.execution(request.process_id, request.document(), request.mode))

    def read_submission(self, answer: httpx.Response) -> JobState:
        """Read the new job. A synchronous answer is one that succeeded; it is kept in its document."""
        url, sent = str(answer.url), orjson.loads(answer.request.content)
        process = unquote(urlsplit(url).path.split("/")[-2])
        try:
            found = read_execution(answer, url, process, sent, local_id=f"local-{uuid.uuid4()}")
        except OutcomeUnknownError as error:
            raise ContractError(str(error), url=url) from error
        state = _state(found.job)
        if found.results is None:
            return state
        shape = {name: sent.get(name) for name in ("outputs", "response")}
        kept = {**kept_answer(answer), "request": shape, "url": url}
        return replace(state, document={**state.document, _KEPT_ANSWER: kept})

    def status(self, job_id: str) -> Call:
        """Describe the question for one job."""
        return _call(self._endpoint.job(job_id))

    def read_status(self, answer: httpx.Response) -> JobState:
        """Read a status document."""
        url = str(answer.url)
        return _state(read_job(answer, url, job_id_in(url) or ""))

    def listing(self, process: str | None, since: datetime | None) -> Call:
        """Describe the question for all jobs; servers order them as they like."""
        return _call(self._endpoint.jobs(process_id=process), limit=str(_PAGE))

    def read_listing(self, answer: httpx.Response) -> JobPage:
        """Read a page of jobs; an empty one is the last."""
        url = str(answer.url)
        entries = list_in(read_json(answer), "jobs")
        links = read_document(Document, answer, url).links
        following = self._endpoint.next_page(links, url) if entries else None
        states, unread = read_entries(entries, lambda one: _state(JobInfo.model_validate(one)))
        return JobPage(states, None if following is None else _call(following), unread)

    def cancellation(self, job_id: str) -> Call:
        """Describe how a job is stopped; one that has ended meanwhile loses its results by that."""
        return _call(self._endpoint.dismissal(job_id))

    def read_cancellation(self, job_id: str, answer: httpx.Response) -> JobState:
        """Read the dismissed job; one that still runs is about to stop."""
        state = _state(read_dismissal(answer, job_id))
        return replace(state, phase=Phase.CANCELLING) if state.phase in OPEN else state

    def purge(self, job_id: str) -> Call:
        """Describe how a finished job and its results are removed."""
        return _call(self._endpoint.dismissal(job_id))

    def is_same(self, request: OgcRequest, state: JobState) -> bool:
        """Tell whether a listed job has the inputs of a request.

        Raises:
            ContractError: The job does not show its inputs, so that nobody can tell.
        """
        if state.process not in (None, request.process_id):
            return False
        if state.inputs is None:
            raise ContractError(
                f"job {state.id} does not show its inputs: the server's block must not say that they do",
                url=self._endpoint.url,
            )
        return bool(state.inputs == request.document()["inputs"])

    async def outputs(self, state: JobState, ask: Ask) -> Sequence[JobOutput]:
        """Find the results of a job, by value or by reference, however the server writes them.

        Raises:
            InvalidInputError: A synchronous answer was too large to be kept.
        """
        kept = state.document.get(_KEPT_ANSWER)
        if kept is not None:
            answer, url, request = answer_in(kept), str(kept["url"]), kept["request"]
        else:
            answer = await self._results(state.id, ask)
            url, request = str(answer.url), {}
        if _is_status_word(answer):
            return []
        shape = {**request, "outputs": request.get("outputs") or await self._output_names(state, ask)}
        results = read_results(answer, url, shape)
        return outputs_of(results, lambda href: self._addresses(state.id, href))

    async def _results(self, job_id: str, ask: Ask) -> httpx.Response:
        call = _call(self._endpoint.results(job_id))
        try:
            return await ask(call)
        except RefusedError as error:
            if isinstance(client_error(error), ResultsNotReadyError):
                raise UnreachableError("it succeeded, and its results are not ready yet", url=call.url) from (
                    error
                )
            raise

    async def _output_names(self, state: JobState, ask: Ask) -> dict[str, None]:
        """A raw answer does not name its output; the process description does, where it can be had."""
        if state.process is None:
            return {}
        try:
            return dict.fromkeys((await self._describe(state.process, ask)).outputs)
        except ServiceError:
            return {}

    def _addresses(self, job_id: str, href: str) -> tuple[str, ...]:
        """Where a result is; a server behind a proxy may write an address that only itself can reach."""
        home, own = self._endpoint.url, self._endpoint.results(job_id).url
        _, found, name = href.partition(f"{own.removeprefix(home)}/")
        return (href, f"{own}/{name}") if found and not href.startswith(f"{home}/") else (href,)


def _call(call: OgcCall, **params: str) -> Call:
    return Call(call.method, call.url, call.json, {**call.params, **params}, call.headers)


def _state(job: JobInfo) -> JobState:
    document = job.model_dump(mode="json", by_alias=True, exclude_none=True)
    return JobState(
        id=job.jobID,
        phase=Phase(phase_of(job.status)),
        raw_status=job.status[:100],
        progress=None if job.progress is None else job.progress / 100,
        message=(job.message or "")[:_LONGEST_MESSAGE],
        process=job.processID,
        inputs=_inputs(document),
        created=job.created,
        started=job.started,
        finished=job.finished,
        updated=job.updated,
        document={name: value for name, value in document.items() if name not in _SENT},
    )


def _inputs(document: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The inputs that a status document shows: as `inputs`, or in the `request` of the 2.0 draft."""
    request = document.get("request")
    shown = document.get("inputs", request.get("inputs") if isinstance(request, dict) else None)
    return shown if isinstance(shown, dict) else None


def _is_status_word(answer: httpx.Response) -> bool:
    """Whether a server answers with the job's status where its results should be, as RS-Server does."""
    found = json_of(answer.content) if len(answer.content) < 50 else None
    return isinstance(found, str) and found.lower() in ("successful", "succeeded")
