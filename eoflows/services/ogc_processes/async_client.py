"""The async client of an OGC API - Processes server."""

import logging
import uuid
from collections import OrderedDict
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any, Self, TypeVar, Unpack

import anyio
import httpx

from eoflows.base.current_client import enter, leave
from eoflows.base.errors import ContractError, OutcomeUnknownError, ServiceError
from eoflows.base.http import HttpClient, Origin
from eoflows.services.ogc_processes.answers import Execution, read_dismissal, read_execution, read_job
from eoflows.services.ogc_processes.calls import Endpoint, Mode, OgcCall
from eoflows.services.ogc_processes.config import ClientConfig
from eoflows.services.ogc_processes.models import (
    Capabilities,
    ConformanceDeclaration,
    JobInfo,
    JobList,
    JobResults,
    Link,
    ProcessDescription,
    ProcessList,
    ProcessRequest,
    ProcessSummary,
)
from eoflows.services.ogc_processes.results import read_results
from eoflows.services.ogc_processes.submission import execution_error, results_error
from eoflows.services.ogc_processes.validation import InputFault, InvalidInputsError, validate_inputs
from eoflows.services.ogc_processes.wire import OgcWire, Transport, plain, read_apart

__all__ = ["AsyncClient"]

T = TypeVar("T")
_KEPT_RESULTS = 100
_KEPT_SHAPES = 10_000


class AsyncClient:
    """A client of one server; every call may raise `ClientException`.

    Documents are asked for with `Accept: application/json`. What may be repeated is repeated after
    5xx, 429 and lost connections; an execution is sent once, and again only after a 401 that new
    credentials may answer.

    Args:
        config: Settings; where given, the other four are ignored.
        config_path: YAML file with settings, as `ClientConfig.load` says.
        server_url: Landing page.
        user_name: Name of the user.
        access_token: Token obtained elsewhere.
        http: Sends the requests, with credentials of its own; it is not closed. None: one is made.
        timeout: Seconds to wait for the server to go on with an answer.
        execution_timeout: The same for an execution: a synchronous one answers when it is done.

    Raises:
        InvalidInputError: The settings are wrong.
    """

    def __init__(
        self,
        config: ClientConfig | None = None,
        config_path: str | None = None,
        server_url: str | None = None,
        user_name: str | None = None,
        access_token: str | None = None,
        *,
        http: HttpClient | None = None,
        timeout: float = 60.0,
        execution_timeout: float = 3600.0,
    ) -> None:
        self._config = config or ClientConfig.load(
            config_path, server_url=server_url, user_name=user_name, access_token=access_token
        )
        self._endpoint = Endpoint(self._config.server_url)
        self._own = http is None
        trusted = [Origin.of(self._endpoint.url)]
        self._http = http or HttpClient(keyring=self._config.keyring(), trusted=trusted, timeout=timeout)
        self._wire = OgcWire(self._endpoint, self._http)
        self._execution_timeout = execution_timeout
        self._descriptions: dict[str, ProcessDescription] = {}
        self._answered: OrderedDict[str, Execution] = OrderedDict()
        self._shapes: OrderedDict[str, Mapping[str, Any]] = OrderedDict()

    @property
    def config(self) -> ClientConfig:
        """The settings."""
        return self._config

    async def __aenter__(self) -> Self:
        enter(self)
        return self

    async def __aexit__(self, *_: object) -> None:
        leave(self)
        await self.close()

    async def close(self) -> None:
        """Close the connections and forget the results of synchronous executions."""
        self._answered.clear()
        if self._own:
            await self._http.aclose()

    async def get_capabilities(self, **kwargs: Unpack[Transport]) -> Capabilities:
        """Give the landing page."""
        return await self._wire.document(Capabilities, self._endpoint.landing(), kwargs)

    async def get_conformance(self, **kwargs: Unpack[Transport]) -> ConformanceDeclaration:
        """Give the conformance classes that the server declares; what it does may be more or less."""
        return await self._wire.document(ConformanceDeclaration, self._endpoint.conformance(), kwargs)

    async def get_processes(self, **kwargs: Unpack[Transport]) -> ProcessList:
        """Give the processes of all pages."""
        first: ProcessList | None = None
        found: dict[str, ProcessSummary] = {}
        async with aclosing(self._wire.pages(ProcessList, self._endpoint.processes(), kwargs)) as pages:
            async for page, fresh in pages:
                first = first or page
                found |= {one.id: one for one in page.processes if one.id in fresh}
        links = _without_paging(first.links if first else [])
        return ProcessList(processes=list(found.values()), links=links)

    async def get_process(self, process_id: str, **kwargs: Unpack[Transport]) -> ProcessDescription:
        """Give a process with its inputs and outputs.

        Raises:
            ClientAbsentError: There is no such process.
        """
        found = await self._wire.document(ProcessDescription, self._endpoint.process(process_id), kwargs)
        self._descriptions[process_id] = found
        return found

    async def execute_process(
        self,
        process_id: str,
        request: ProcessRequest | Mapping[str, Any],
        *,
        mode: Mode = "async",
        validate: bool = True,
        **kwargs: Unpack[Transport],
    ) -> JobInfo:
        """Execute a process; the server decides whether it answers with a job or with the results.

        Args:
            process_id: What to execute.
            request: Inputs, outputs and subscriber, as a model or as the JSON of the standard.
            mode: `async` asks for a job at once; `sync` leaves it to the server, which then answers
                when the process has ended, within `execution_timeout` (or `timeout`) seconds.
            validate: Whether to check the inputs against the process description before sending.
            kwargs: For the transport.

        Returns:
            The job. Where the server answered with the results, it is `successful`, and
            `get_job_results` gives them without a request, for the latest 100 such jobs; its id is the
            server's, or begins with `local-` if the server named none.

        Raises:
            InvalidInputsError: The inputs do not fit; nothing was sent.
            ClientRefusedError, ClientUnsentError: Certainly nothing began.
            ClientOutcomeUnknownError: It may have begun; look at the server's jobs before trying again.
            ClientContractError: It was executed, and the results in the answer cannot be read.
        """
        call = self._endpoint.execution(process_id, request, mode)
        described = (
            await self._checked(process_id, call.json.get("inputs") or {}, kwargs) if validate else None
        )
        kwargs.setdefault("timeout", self._execution_timeout)
        try:
            answer = await self._wire.send(call, kwargs)
        except ServiceError as error:
            raise execution_error(error) from error
        return await self._executed(answer, call, process_id, _shape(call.json, described))

    async def get_jobs(
        self,
        *,
        process_id: str | None = None,
        statuses: Sequence[str] = (),
        enough: int = 10_000,
        **kwargs: Unpack[Transport],
    ) -> JobList:
        """Give the jobs of all pages, each job once.

        Args:
            process_id: Only jobs of this process, and those that do not say which theirs is.
            statuses: Only jobs with one of these raw statuses.
            enough: No further page is asked for once there are so many jobs; the list then keeps its
                `next` link.
            kwargs: For the transport.

        Raises:
            ClientContractError: The pages run in a circle.
        """
        call = self._endpoint.jobs(process_id=process_id, statuses=statuses)
        found: list[JobInfo] = []
        links: list[Link] = []
        async with aclosing(self._wire.pages(JobList, call, kwargs)) as pages:
            async for page, fresh in pages:
                links = links or _without_paging(page.links)
                found += [job for job in page.jobs if job.jobID in fresh and _fits(job, process_id, statuses)]
                if len(found) >= enough:
                    links += [link for link in page.links if link.rel == "next"]
                    break
        return JobList(jobs=found, links=links)

    async def jobs(
        self,
        *,
        process_id: str | None = None,
        statuses: Sequence[str] = (),
        **kwargs: Unpack[Transport],
    ) -> AsyncGenerator[JobInfo]:
        """Give the jobs one by one, asking for a page when it is needed; arguments as `get_jobs`.

        The filters hold whether or not the server obeys them.
        """
        call = self._endpoint.jobs(process_id=process_id, statuses=statuses)
        async with aclosing(self._wire.pages(JobList, call, kwargs)) as pages:
            async for page, fresh in pages:
                for job in page.jobs:
                    if job.jobID in fresh and _fits(job, process_id, statuses):
                        yield job

    async def get_job(self, job_id: str, **kwargs: Unpack[Transport]) -> JobInfo:
        """Give the status of a job.

        Raises:
            ClientAbsentError: There is no such job (`JobGoneError` where the server says there was one).
        """
        known = self._answered.get(job_id)
        if known is not None and known.is_local:
            return known.job
        call = self._endpoint.job(job_id)
        answer = await self._wire.ask(call, kwargs)
        return await read_apart(answer, lambda: read_job(answer, call.url, job_id))

    async def dismiss_job(self, job_id: str, **kwargs: Unpack[Transport]) -> JobInfo:
        """Stop a job and take it from the server's list; one that has ended loses its results.

        Not every server stops the work itself.

        Raises:
            ClientAbsentError: There is no such job (`JobGoneError` where it was dismissed already).
        """
        known = self._answered.pop(job_id, None)
        if known is not None and known.is_local:
            return known.job.model_copy(update={"status": "dismissed"})
        answer = await self._wire.ask(self._endpoint.dismissal(job_id), kwargs)
        return read_dismissal(answer, job_id)

    async def get_job_results(
        self,
        job_id: str,
        *,
        request: ProcessRequest | Mapping[str, Any] | None = None,
        **kwargs: Unpack[Transport],
    ) -> JobResults:
        """Give the outputs of a job, as `JobResults` describes.

        Args:
            job_id: The job.
            request: What was executed: it names the outputs where a raw answer does not. It is known
                of jobs that this client began.
            kwargs: For the transport.

        Raises:
            ResultsNotReadyError: It has not ended yet.
            JobFailedError: It has failed; `api_error.detail` has the server's words.
            JobDismissedError, JobGoneError, ClientAbsentError: There is no such job any more.
        """
        if job_id in self._answered and (kept := self._answered[job_id].results) is not None:
            return kept
        call = self._endpoint.results(job_id)
        try:
            answer = await self._wire.send(call, kwargs)
        except ServiceError as error:
            raise results_error(error, await self._status_after(error, job_id, kwargs)) from error
        shape = request or self._shapes.get(job_id)
        return await read_apart(answer, lambda: read_results(answer, call.url, shape))

    async def _status_after(
        self, error: ServiceError, job_id: str, options: Mapping[str, Any]
    ) -> JobInfo | None:
        """The job's own status; None where the server does not answer."""
        if getattr(error, "status", None) is None and getattr(error, "answered", None) is None:
            return None
        try:
            return await self.get_job(job_id, **plain(options))
        except ServiceError:
            return None

    async def _checked(
        self, process_id: str, inputs: Mapping[str, Any], options: Mapping[str, Any]
    ) -> ProcessDescription | None:
        """Check inputs; give the description, or None where it cannot be read."""
        known = self._descriptions.get(process_id)
        try:
            if known is not None and not await _faults(known, inputs):
                return known
            # One that was remembered may be out of date.
            described = await self.get_process(process_id, **plain(options))
        except ContractError as error:
            logging.getLogger(__name__).warning("inputs are sent unchecked: %s", error)
            return None
        if faults := await _faults(described, inputs):
            message = f"the inputs do not fit process {process_id!r}; nothing was sent"
            raise InvalidInputsError(message, tuple(faults))
        return described

    async def _executed(
        self, answer: httpx.Response, call: OgcCall, process_id: str, shape: Mapping[str, Any]
    ) -> JobInfo:
        local = f"local-{uuid.uuid4()}"
        try:
            found = await read_apart(
                answer, lambda: read_execution(answer, call.url, process_id, shape, local_id=local)
            )
        except OutcomeUnknownError as error:
            raise execution_error(error) from error
        if found.results is not None:
            _keep(self._answered, found.job.jobID, found, _KEPT_RESULTS)
        _keep(self._shapes, found.job.jobID, shape, _KEPT_SHAPES)
        return found.job


async def _faults(description: ProcessDescription, inputs: Mapping[str, Any]) -> list[InputFault]:
    return await anyio.to_thread.run_sync(validate_inputs, description, inputs)


def _shape(body: Mapping[str, Any], described: ProcessDescription | None) -> dict[str, Any]:
    """What of a request says how its results come: the outputs, all of them if none is named."""
    everything = dict.fromkeys(described.outputs if described else (), None)
    return {"outputs": body.get("outputs") or everything, "response": body.get("response")}


def _keep(kept: OrderedDict[str, T], name: str, value: T, most: int) -> None:
    kept[name] = value
    while len(kept) > most:
        kept.popitem(last=False)


def _fits(job: JobInfo, process_id: str | None, statuses: Sequence[str]) -> bool:
    of_process = process_id is None or job.processID in (None, process_id)
    return of_process and (not statuses or job.status in statuses)


def _without_paging(links: Sequence[Link]) -> list[Link]:
    return [link for link in links if link.rel not in ("next", "prev")]
