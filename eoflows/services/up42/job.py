"""Jobs in plain code, as the reference document has them."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Self

import anyio
from pystac import Collection, Item

from eoflows.base.background import iterate, wait_for
from eoflows.base.errors import InvalidInputError, ThrottledError, UnreachableError
from eoflows.services.up42.client import Up42Client
from eoflows.services.up42.models import JobRecord, UnfinishedJob, ValidationError
from eoflows.services.up42.plain import items_of, plain_client
from eoflows.services.up42.sorting import SortingField
from eoflows.services.up42.states import JobStatus

__all__ = ["Job"]

Sleep = Callable[[float], Awaitable[None]]


@dataclass
class Job:
    """A job in the system. Times are aware UTC.

    Attributes:
        process_id: Name of the process.
        id: The job's id.
        account_id: The account that pays.
        workspace_id: The workspace it belongs to, or None.
        definition: The inputs and other parameters used to execute it.
        status: Its status; the plain text where that is none of those known.
        created: When it was created.
        updated: When it last changed.
        collection_url: URL of the STAC collection with the results, once the service shows it.
        errors: What validation found, or None.
        credits: Credits taken, or None while none are.
        started: When work began.
        finished: When work ended.

    Example:
        ```python
        with Up42Client("me@example.org", password):
            job = Job.get("d290f1ee-6c54-4b01-90e6-d701748f0851")
            job.track()
            items = job.items()
        ```
    """

    process_id: str
    id: str
    account_id: str
    workspace_id: str | None
    definition: Mapping[str, Any]
    status: JobStatus | str
    created: datetime
    updated: datetime
    collection_url: str | None = None
    errors: list[ValidationError] | None = None
    credits: int | None = None
    started: datetime | None = None
    finished: datetime | None = None
    client: Up42Client | None = field(default=None, kw_only=True, repr=False, compare=False)
    """The client it was got with; None: that of the nearest `with Up42Client(...)`."""

    @classmethod
    def of(cls, record: JobRecord, client: Up42Client | None = None) -> Self:
        """Make a job of what the service said."""
        return cls(**_values(record), client=client)

    @classmethod
    def get(
        cls, job_id: str | None = None, *, id: str | None = None, client: Up42Client | None = None
    ) -> Self:
        """Fetch a job.

        Args:
            job_id: Its id. (The document's table names it so, and its examples `id`; both will do.)
            id: The same.
            client: The account; None: that of the nearest `with Up42Client(...)`.

        Raises:
            InvalidInputError: Not exactly one id is given.
            AbsentError: There is no such job.
        """
        given = [one for one in (job_id, id) if one is not None]
        if len(given) != 1:
            raise InvalidInputError(f"{len(given)} ids are given; give the job's id once, as job_id or as id")
        chosen = plain_client(client)
        return cls.of(wait_for(chosen.job(given[0])), chosen)

    @classmethod
    def all(
        cls,
        process_id: Sequence[str] | None = None,
        workspace_id: str | None = None,
        status: Sequence[JobStatus] | None = None,
        min_duration: int | None = None,
        max_duration: int | None = None,
        sort_by: SortingField | None = None,
        *,
        client: Up42Client | None = None,
    ) -> Iterator[Self]:
        """Retrieve all jobs, or those that pass all filters; page by page, as they are asked for.

        A job that changes its place between two pages is given once. A duration of 0 is a filter, an empty
        list finds nothing.

        Args:
            process_id: Processes, or one of them.
            workspace_id: The workspace; None: the whole account.
            status: Statuses, or one of them.
            min_duration: Seconds that it ran at least.
            max_duration: Seconds that it ran at most.
            sort_by: Order, as `JobSorting.credits.asc`; None: the latest first.
            client: The account; None: that of the nearest `with Up42Client(...)`.
        """
        chosen = plain_client(client)
        records = chosen.jobs(
            process_id=_several(process_id),
            workspace_id=workspace_id,
            status=_several(status),
            min_duration=min_duration,
            max_duration=max_duration,
            sort_by=sort_by,
        )
        return (cls.of(record, chosen) for record in iterate(records))

    def collection(self) -> Collection | None:
        """Give the STAC collection with the results, or None while there is none."""
        if self.collection_url is None:
            return None
        client = plain_client(self.client)
        return Collection.from_dict(wait_for(client.collection(self.collection_url)))

    def items(self) -> list[Item]:
        """Give the STAC items that the job has made; an asset's href is signed before it is fetched."""
        client = plain_client(self.client)
        return wait_for(items_of(client.results(self.id, self.collection_url)))

    def track(
        self,
        wait: int = 60,
        retries: int = 60 * 24 * 3,
        *,
        sleep: Sleep = anyio.sleep,
    ) -> None:
        """Follow the job until it is over; this job is brought up to date with each poll.

        It is over at a terminal status, and on servers that stop at `successful` when they have said what
        it costs, or have said nothing for the client's `settle` seconds. Whether it succeeded, `status`
        tells. A service that does not answer is asked again after the next interval.

        Args:
            wait: Seconds between two polls; a longer `Retry-After` is obeyed.
            retries: Number of polls at the most. (The document calls it a duration, and gives the polls of
                three days.)
            sleep: Waits seconds; replaced in tests.

        Raises:
            UnfinishedJob: It is not over after so many polls.
            RefusedError: It cannot be asked for.
        """
        wait_for(self._track(plain_client(self.client), wait, retries, sleep))

    async def _track(self, client: Up42Client, wait: float, retries: int, sleep: Sleep) -> None:
        trouble: UnreachableError | None = None
        for poll in range(retries):
            if poll:
                asked = trouble.retry_after if isinstance(trouble, ThrottledError) else None
                await sleep(max(wait, asked or 0.0))
            try:
                record = await client.job(self.id)
            except UnreachableError as error:
                trouble = error
                continue
            trouble = None
            for name, value in _values(record).items():
                setattr(self, name, value)
            if record.standing(client.patience).billing_done:
                return
        raise UnfinishedJob(f"job {self.id} is {self.status} after {retries} polls") from trouble


_FIELDS = [one.name for one in fields(Job) if one.name != "client"]


def _values(record: JobRecord) -> dict[str, Any]:
    errors = None if record.errors is None else list(record.errors)
    return {name: getattr(record, name) for name in _FIELDS} | {"errors": errors}


def _several(wanted: Sequence[str] | None) -> Sequence[str] | None:
    return [wanted] if isinstance(wanted, str) else wanted
