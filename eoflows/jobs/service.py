"""What a service contributes: how to ask and how to read the answer. Loops are written elsewhere, once."""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Generic, TypeVar

import anyio
import httpx
from pydantic import ValidationError

from eoflows.base.errors import ContractError, EoError, InvalidInputError, public_url
from eoflows.base.http import HttpClient
from eoflows.jobs.border import Unread, judged, read_entries, read_time, reading
from eoflows.jobs.clocks import ServiceClock, utc_now
from eoflows.jobs.models import Capabilities, JobRequest, JobState, Recognition
from eoflows.stores.transfer import Checksum, TransferEngine

__all__ = ["Call", "JobPage", "JobServer", "JobService", "OpenServer", "Output"]

Request = TypeVar("Request", bound=JobRequest)

_MOST_PAGES = 10_000


@dataclass(frozen=True)
class Call:
    """A request, described.

    Attributes:
        method: HTTP method.
        url: Absolute URL.
        json: Body, sent as JSON; None sends none.
        params: Query parameters.
        headers: Further headers; they go to this URL's origin only.
    """

    method: str
    url: str
    json: Any = None
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class JobPage:
    """A page of a service's jobs.

    Attributes:
        states: The jobs.
        following: How to ask for the next page, or None.
        unread: Entries that are no job as they stand.
    """

    states: Sequence[JobState]
    following: Call | None = None
    unread: Sequence[Unread] = ()


@dataclass(frozen=True)
class Output:
    """One result of a job.

    Attributes:
        name: File name, made of a validated key.
        urls: Where its bytes are, alternatives in order; empty if `content` has them.
        stays: Address under which it stays, where the service has put it into storage of the owner: it is
            not fetched. Empty: it is.
        content: The bytes themselves, where the service gave them with its answer.
        media_type: What it is.
        size: Bytes promised, or None.
        checksums: Checksums promised.
    """

    name: str
    urls: tuple[str, ...] = ()
    stays: str = ""
    content: bytes | None = None
    media_type: str = ""
    size: int | None = None
    checksums: tuple[Checksum, ...] = ()


Ask = Callable[[Call], Awaitable[httpx.Response]]


class JobService(ABC, Generic[Request]):
    """A service that runs jobs. Methods only describe and read; none of them sends anything.

    Attributes:
        name: Name of the column, as in `service` of its requests.
        can: What it can do.
        request: Model of its requests.
    """

    name: str
    can: Capabilities
    request: type[Request]

    async def check(self, request: Request, ask: Ask) -> None:
        """Find out what is wrong with a request before anything is written down or sent.

        Args:
            request: What is asked for.
            ask: Sends a repeatable request.

        Raises:
            InvalidInputError: It cannot be sent as it is.
            ServiceError: The service says no already, or cannot be asked.
        """
        return

    async def price(self, request: Request, ask: Ask) -> int:
        """Find out what a job would cost at present, in credits; where the service `prices`.

        Raises:
            ServiceError: It says no, or cannot be asked.
        """
        raise NotImplementedError(f"{self.name} has no prices")

    @abstractmethod
    def submission(self, request: Request, token: str) -> Call:
        """Describe the request that makes a job.

        Args:
            request: What is asked for.
            token: The same for every attempt to make this one job; for services that take one.
        """

    @abstractmethod
    def read_submission(self, answer: httpx.Response) -> JobState:
        """Read what the service says of the job it made.

        Raises:
            ContractError: It cannot be read; whether there is a job is then unknown.
        """

    @abstractmethod
    def status(self, job_id: str) -> Call:
        """Describe the question for one job."""

    @abstractmethod
    def read_status(self, answer: httpx.Response) -> JobState:
        """Read the answer to `status`."""

    def listing(self, process: str | None, since: datetime | None) -> Call:
        """Describe the question for all jobs, newest first where the service can sort.

        Args:
            process: Only jobs that run this, where the service can filter.
            since: Only jobs made since, where the service can filter; aware UTC.
        """
        raise NotImplementedError(f"{self.name} does not list jobs")

    def read_listing(self, answer: httpx.Response) -> JobPage:
        """Read a page of jobs."""
        raise NotImplementedError(f"{self.name} does not list jobs")

    def cancellation(self, job_id: str) -> Call:
        """Describe how a job is stopped."""
        raise NotImplementedError(f"{self.name} does not cancel jobs")

    def read_cancellation(self, job_id: str, answer: httpx.Response) -> JobState | None:
        """Read the answer to `cancellation`; None if it says nothing of the job."""
        return None

    def purge(self, job_id: str) -> Call:
        """Describe how a finished job and its results are removed at the service."""
        raise NotImplementedError(f"{self.name} does not remove jobs")

    def is_same(self, request: Request, state: JobState) -> bool:
        """Tell whether a listed job has exactly the inputs of a request."""
        return state.process == request.process_name and state.inputs == request.canonical()

    @abstractmethod
    async def outputs(self, state: JobState, ask: Ask) -> Sequence[Output]:
        """Find the results of a job that succeeded.

        Args:
            state: The job; its document may say where they are.
            ask: Sends a repeatable request.
        """


class JobServer(Generic[Request]):
    """A service at one endpoint, opened: the only place where jobs' requests are sent.

    Args:
        service: What to ask and how to read.
        endpoint: Public identity of where and whose.
        http: Client with the endpoint's credentials.
        exclusive: Whether nobody else makes jobs there; recognition by listing needs it.
        transfer: Makes the engine that fetches results with the endpoint's credentials.
        clock: This host's, aware UTC.
    """

    def __init__(
        self,
        service: JobService[Request],
        endpoint: str,
        http: HttpClient,
        *,
        exclusive: bool = False,
        transfer: Callable[[], TransferEngine] = TransferEngine,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        self.service, self.endpoint, self.transfer = service, endpoint, transfer
        self._http, self._exclusive = http, exclusive
        self.now = clock
        self.clock = ServiceClock()
        """What is known of the service's clock."""
        self.kept_lists: dict[str, tuple[datetime, Sequence[str], Sequence[JobState]]] = {}
        """What was lately listed, by process; `recognise` keeps it."""
        self.listing_turn = anyio.Lock()

    @property
    def can(self) -> Capabilities:
        """What the service can do."""
        return self.service.can

    @property
    def recognition(self) -> Recognition:
        """How a lost answer is made good here."""
        if self.can.recognition is Recognition.LISTING and not self._exclusive:
            return Recognition.NONE
        return self.can.recognition

    def request(self, document: Mapping[str, Any]) -> Request:
        """Read a request as the ledger keeps it.

        Raises:
            InvalidInputError: Another release has written it, or it is another service's.
        """
        try:
            return self.service.request.model_validate(document)
        except ValidationError as error:
            raise InvalidInputError(
                f"the ledger's request is none of {self.service.name!r} in this release: {error}"
            ) from error

    async def check(self, request: Request) -> None:
        """Find out what is wrong with a request before anything is written down or sent; see `JobService`."""
        with _understood(self.endpoint):
            await self.service.check(request, self.ask)

    async def price(self, request: Request) -> int:
        """Find out what a job would cost at present; a discount never makes it less than nothing."""
        with _understood(self.endpoint):
            return max(0, await self.service.price(request, self.ask))

    async def send(self, request: Request, token: str) -> JobState:
        """Send a request that makes a job, once and never again.

        Raises:
            UnsentError: No connection could be made.
            RefusedError, ThrottledError: A definite no.
            UnreachableError, ContractError: Whether there is a job is unknown.
            ForbiddenAddressError: Nothing was sent.
        """
        answer = await self._ask(self.service.submission(request, token), repeatable=False)
        try:
            with _understood(str(answer.url)):
                return self._judged(self.service.read_submission(answer))
        except InvalidInputError as error:
            # Whatever cannot be read, the service has answered: there may be a job.
            raise ContractError(f"the answer cannot be read: {error}", url=str(answer.url)) from error

    async def state(self, job_id: str) -> JobState:
        """Ask for one job.

        Raises:
            AbsentError: The service says that there is none.
            ContractError: The answer is about another job.
        """
        answer = await self.ask(self.service.status(job_id))
        with _understood(str(answer.url)):
            return self._about(job_id, self.service.read_status(answer), str(answer.url))

    def _judged(self, state: JobState) -> JobState:
        return judged(state, discounts=self.can.discounts)

    def _about(self, job_id: str, state: JobState, url: str) -> JobState:
        if state.id != job_id:
            raise ContractError(f"job {job_id!r} was asked for, and job {state.id!r:.80} came", url=url)
        return self._judged(state)

    async def states(
        self, *, process: str | None = None, since: datetime | None = None
    ) -> AsyncIterator[Sequence[JobState]]:
        """Give all jobs that can be read, page by page; see `pages`."""
        async for page in self.pages(process=process, since=since):
            yield page.states

    async def pages(
        self, *, process: str | None = None, since: datetime | None = None
    ) -> AsyncIterator[JobPage]:
        """Give all jobs, page by page, and what in the list is none.

        Raises:
            ContractError: The pages go round in circles.
        """
        call: Call | None = self.service.listing(process, since)
        seen: set[str] = set()
        while call is not None:
            mark = repr((call.url, sorted(call.params.items()), call.json))
            if mark in seen or len(seen) == _MOST_PAGES:
                raise ContractError("the list of jobs goes round in circles", url=call.url)
            seen.add(mark)
            answer = await self.ask(call)
            with _understood(call.url):
                page = self._page(self.service.read_listing(answer))
            yield page
            call = page.following

    def _page(self, page: JobPage) -> JobPage:
        states, unread = read_entries(page.states, self._judged)
        return replace(page, states=states, unread=[*page.unread, *unread])

    async def cancel(self, job_id: str) -> JobState | None:
        """Ask the service to stop a job.

        Raises:
            InvalidInputError: It cannot.
            AbsentError: There is none.
        """
        if not self.can.cancels:
            raise InvalidInputError(
                f"{self.service.name} at {public_url(self.endpoint)} cannot cancel a job; it runs to its end"
            )
        answer = await self.ask(self.service.cancellation(job_id))
        with _understood(str(answer.url)):
            state = self.service.read_cancellation(job_id, answer)
            return None if state is None else self._about(job_id, state, str(answer.url))

    async def purge(self, job_id: str) -> None:
        """Have a finished job and its results removed at the service."""
        await self.ask(self.service.purge(job_id))

    async def outputs(self, state: JobState) -> Sequence[Output]:
        """Find the results of a job that succeeded."""
        with _understood(self.endpoint):
            return await self.service.outputs(state, self.ask)

    async def ask(self, call: Call) -> httpx.Response:
        """Send a request that may be repeated."""
        return await self._ask(call, repeatable=True)

    async def _ask(self, call: Call, *, repeatable: bool) -> httpx.Response:
        asked = self.now()
        answer = await self._http.request(
            call.method,
            call.url,
            json=call.json,
            params=call.params,
            headers=call.headers,
            repeatable=repeatable,
        )
        self._note_clock(answer, asked)
        return answer

    def _note_clock(self, answer: httpx.Response, asked: datetime) -> None:
        try:
            theirs = parsedate_to_datetime(answer.headers.get("date", ""))
            aware = read_time(theirs if theirs.tzinfo else theirs.replace(tzinfo=UTC))
        except (ValueError, OverflowError):
            return
        if aware is not None:
            self.clock.note(aware, asked, self.now())


@contextmanager
def _understood(url: str) -> Iterator[None]:
    """Where a document has an unexpected shape, say so: a column may rely on the shape it knows.

    Raises:
        ContractError: It has.
    """
    try:
        yield
    except EoError:
        raise
    except Exception as error:
        raise reading(error, url) from error


OpenServer = Callable[[str, str], AbstractAsyncContextManager[JobServer[Any]]]
"""Opens a server, by the name of its service and the name under which its settings are kept."""
