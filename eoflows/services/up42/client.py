"""The async client of UP42."""

from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing
from functools import cached_property
from typing import Any, Literal

import httpx

from eoflows.base.errors import (
    AbsentError,
    ContractError,
    OutcomeUnknownError,
    RefusedError,
    ThrottledError,
    UnreachableError,
    UnsentError,
)
from eoflows.services.up42.answers import (
    collection_id,
    document_of,
    eula_of,
    is_accepted,
    read_cost,
    read_jobs,
    read_processes,
    read_signed_url,
    read_validation,
    time_of,
)
from eoflows.services.up42.connection import Connection
from eoflows.services.up42.cost import Cost
from eoflows.services.up42.models import JobRecord, ValidationError, read_job
from eoflows.services.up42.sorting import JobSorting, SortingField
from eoflows.stores.stac import SearchRequest, StacClient
from eoflows.stores.stac.items import ItemDict

__all__ = ["Up42Client"]

_ITEMS_PER_PAGE = 100
_NO_SUCH_PROCESS = "ProcessNotFound"
_EULA = "EulaNotAccepted"


class Up42Client(Connection):
    """A client of one account in one region; any number of them may live in one process.

    Each call is separate and may be repeated, but for `execute`. The token is fetched with the first
    call, renewed before it expires and after a 401, and goes to the region's two hosts alone.

    In async code: `async with Up42Client(...) as client:`. In plain code `with Up42Client(...):` makes
    it the client of `Job`, the templates and `initialize_asset`; it then belongs to the background loop
    and cannot be awaited elsewhere.

    Its arguments are those of `Connection`.
    """

    @cached_property
    def storage(self) -> StacClient:
        """The STAC API of everything in storage."""
        return StacClient(self.hosts.stac_url, self.http, page_size=_ITEMS_PER_PAGE, matched="estimate")

    async def processes(self) -> list[Mapping[str, Any]]:
        """Give all processes, without their inputs."""
        async with aclosing(self.pages(self.calls.processes())) as pages:
            return [process async for document, _ in pages for process in read_processes(document)]

    async def process(self, process_id: str) -> Mapping[str, Any]:
        """Give a process's description.

        Raises:
            AbsentError: There is none.
            ContractError: The answer describes no process.
        """
        document = await self.json(self.calls.process(process_id))
        if not isinstance(document, Mapping):
            raise ContractError(f"process {process_id!r} is described by {type(document).__name__}")
        return document

    async def eula(self, process: Mapping[str, Any]) -> bool:
        """Tell whether the EULA of a process is accepted; one that asks for none needs none.

        Args:
            process: Its description.
        """
        eula_id = eula_of(process)
        return eula_id is None or is_accepted(await self.json(self.calls.eula(eula_id)))

    async def validate(self, process_id: str, inputs: Mapping[str, Any]) -> frozenset[ValidationError]:
        """Say what is wrong with inputs; nothing, if they are valid.

        Raises:
            AbsentError: There is no such process.
        """
        try:
            answer = await self.ask(self.calls.validation(process_id, inputs))
        except RefusedError as error:
            if error.status not in (400, 422):
                raise
            return read_validation(error.status, error.document)
        return read_validation(answer.status_code, None)

    async def check(self, process_id: str, inputs: Mapping[str, Any]) -> frozenset[ValidationError]:
        """Say all that stands in a job's way: no such process, its EULA, its inputs.

        Returns:
            `ProcessNotFound`, or `EulaNotAccepted`, or what `validate` finds; nothing, if the job can run.
        """
        try:
            process = await self.process(process_id)
        except AbsentError:
            return frozenset({ValidationError(f"there is no process {process_id!r}", _NO_SUCH_PROCESS)})
        if not await self.eula(process):
            message = f"the EULA of process {process_id!r} is not accepted; accept it in the console"
            return frozenset({ValidationError(message, _EULA)})
        return await self.validate(process_id, inputs)

    async def estimate(self, process_id: str, inputs: Mapping[str, Any]) -> Cost:
        """Say what a job with such inputs costs at present; nothing is reserved by that.

        Raises:
            RefusedError: The inputs are not valid, or there is no such process.
        """
        return read_cost(await self.json(self.calls.cost(process_id, inputs)))

    async def execute(
        self,
        process_id: str,
        inputs: Mapping[str, Any],
        *,
        workspace_id: str | None = None,
        budget_id: str | None = None,
    ) -> JobRecord:
        """Make a job, which costs its price; it is sent once and never again.

        This knows no ledger: where somebody may run it twice, use `eoflows.submit` with `job_server`.

        Args:
            process_id: What to run.
            inputs: Its inputs.
            workspace_id: Workspace of the job; None: that of the client.
            budget_id: A budget kept by UP42.

        Raises:
            RefusedError, UnsentError, ThrottledError: There is certainly no job.
            OutcomeUnknownError: Nobody can say whether there is one.
        """
        call = self.calls.execution(process_id, inputs, workspace_id or await self.workspace(), budget_id)
        try:
            return self._job(await self.send(call, repeatable=False))
        except UnsentError:
            raise
        except (UnreachableError, ContractError) as error:
            if isinstance(error, ThrottledError) and error.status == 429:
                raise
            raise OutcomeUnknownError(
                f"nobody can say whether UP42 made a job of {process_id!r} with the title "
                f"{inputs.get('title')!r}: {error}. Look at the jobs of this process before you execute again"
            ) from error

    async def job(self, job_id: str) -> JobRecord:
        """Give a job.

        Raises:
            AbsentError: There is none.
        """
        return self._job(await self.ask(self.calls.job(job_id)))

    async def jobs(
        self,
        *,
        process_id: Sequence[str] | None = None,
        workspace_id: str | None = None,
        status: Sequence[str] | None = None,
        min_duration: int | None = None,
        max_duration: int | None = None,
        sort_by: SortingField | None = None,
    ) -> AsyncGenerator[JobRecord]:
        """Give jobs one by one; pages are asked for as they are needed, a job that comes twice is given once.

        Args:
            process_id: Only jobs of these processes; of none, if it is empty.
            workspace_id: Only jobs of this workspace; None: of the whole account.
            status: Only jobs with these statuses; with none, if it is empty.
            min_duration: Only jobs that ran for at least so many seconds.
            max_duration: Only jobs that ran for at most so many seconds.
            sort_by: Order; None: the latest first.

        Raises:
            ForbiddenAddressError: The next page is at another host.
            ContractError: The pages go round in circles.
        """
        if any(wanted is not None and not wanted for wanted in (process_id, status)):
            return
        call = self.calls.jobs(
            process_id=process_id,
            workspace_id=workspace_id,
            status=status,
            min_duration=min_duration,
            max_duration=max_duration,
            sort_by=sort_by or JobSorting.created,
        )
        given = set[str]()
        async with aclosing(self.pages(call)) as pages:
            async for document, seen in pages:
                for job in read_jobs(document, seen=seen):
                    if job.id not in given:
                        given.add(job.id)
                        yield job

    async def collection(self, url: str) -> dict[str, Any]:
        """Give a STAC collection in storage.

        Args:
            url: As a job's `collection_url`; its last part is the id, and nothing is asked of its host.

        Raises:
            AbsentError: There is none.
            ContractError: It is no URL of a collection, or the answer is none.
        """
        document = await self.json(self.calls.collection(collection_id(url)))
        if not isinstance(document, dict):
            raise ContractError(f"collection {url!r} is {type(document).__name__}")
        return document

    def results(self, job_id: str, collection_url: str | None = None) -> AsyncIterator[list[ItemDict]]:
        """Give the STAC items that a job has made, page by page.

        Args:
            job_id: The job.
            collection_url: Where it says that they are; None: storage is asked what the job has made.
        """
        if collection_url is None:
            return self.items("job_id", job_id)
        return self.storage.pages(SearchRequest(collections=(collection_id(collection_url),)))

    def items(self, name: Literal["asset_id", "job_id"], value: str) -> AsyncIterator[list[ItemDict]]:
        """Give the STAC items in storage that belong to an asset or were made by a job, page by page."""
        return self.storage.pages(SearchRequest(filter={"op": "=", "args": [{"property": name}, value]}))

    async def download_url(self, href: str) -> str:
        """Give where the bytes of an asset are: a signed URL, valid for minutes, that takes no credentials.

        Args:
            href: The asset's href. One that is not at the API host needs no signature and is given back.

        Raises:
            AbsentError: There is no such asset.
        """
        if not self.calls.signed(href):
            return href
        return read_signed_url(await self.json(self.calls.download_url(href)))

    def _job(self, answer: httpx.Response) -> JobRecord:
        return read_job(document_of(answer), seen=time_of(answer))
