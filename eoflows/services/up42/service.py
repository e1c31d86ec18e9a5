"""UP42 as one of the services that run jobs."""

from collections.abc import Sequence
from datetime import datetime

import httpx

from eoflows.base.errors import ContractError
from eoflows.jobs.border import list_in, read_entries
from eoflows.jobs.models import Capabilities, JobState, Recognition
from eoflows.jobs.service import Ask, Call, JobPage, JobService, Output
from eoflows.services.up42.answers import document_of, next_url, read_cost, time_of
from eoflows.services.up42.client import Up42Client
from eoflows.services.up42.models import JobRecord, read_job
from eoflows.services.up42.request import Up42Request
from eoflows.services.up42.results import outputs_of

__all__ = ["Up42Service"]


class Up42Service(JobService[Up42Request]):
    """The jobs of one workspace. They cannot be cancelled.

    Args:
        client: The account.
        workspace_id: The workspace.
        visible: Seconds after which a new job is surely listed.
        pending: Jobs that may wait or run at a time; None sets no limit.
    """

    name = "up42"
    request = Up42Request

    def __init__(
        self, client: Up42Client, workspace_id: str, *, visible: float = 60.0, pending: int | None = None
    ) -> None:
        self._client, self._calls, self._workspace = client, client.calls, workspace_id
        self.can = Capabilities(
            recognition=Recognition.INPUTS,
            lists=True,
            cancels=False,
            settle=visible,
            pending=pending,
            prices=True,
        )

    async def price(self, request: Up42Request, ask: Ask) -> int:
        """Find out what a job would cost at present, in credits."""
        return read_cost(document_of(await ask(self._calls.cost(request.process, request.inputs)))).credits

    def submission(self, request: Up42Request, token: str) -> Call:
        """Describe the request that makes a job; the service takes no token."""
        return self._calls.execution(request.process, request.inputs, self._workspace, request.budget_id)

    def read_submission(self, answer: httpx.Response) -> JobState:
        """Read the new job."""
        return self.read_status(answer)

    def status(self, job_id: str) -> Call:
        """Describe the question for one job."""
        return self._calls.job(job_id)

    def read_status(self, answer: httpx.Response) -> JobState:
        """Read the job."""
        return self._state(read_job(document_of(answer), seen=time_of(answer)))

    def listing(self, process: str | None, since: datetime | None) -> Call:
        """Describe the question for all jobs of the workspace, newest first."""
        return self._calls.jobs(process_id=process and [process], workspace_id=self._workspace)

    def read_listing(self, answer: httpx.Response) -> JobPage:
        """Read a page of jobs."""
        document = document_of(answer)
        seen = time_of(answer)
        states, unread = read_entries(
            list_in(document, "jobs"), lambda one: self._state(read_job(one, seen=seen))
        )
        following = next_url(document, self._calls.api)
        return JobPage(states, Call("GET", following) if following else None, unread)

    async def outputs(self, state: JobState, ask: Ask) -> Sequence[Output]:
        """Find the results of a job: each STAC item as JSON, and its assets.

        Raises:
            ContractError: There are none; storage may be behind.
        """
        job = read_job(document_of(await ask(self.status(state.id))))
        items = [item async for page in self._client.results(job.id, job.collection_url) for item in page]
        if not items:
            raise ContractError(f"job {job.id} is {job.status} and storage has no results of it")
        return [output for item in items for output in outputs_of(item)]

    def _state(self, job: JobRecord) -> JobState:
        return job.state(self._client.patience)
