"""Geo Engine as one of the services that run jobs: its tasks that make datasets."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import httpx
import orjson

from eoflows.base.errors import ContractError, InvalidInputError, RefusedError
from eoflows.jobs.border import list_in, read_entries, read_json
from eoflows.jobs.models import Capabilities, JobState, Phase, Recognition
from eoflows.jobs.service import Ask, Call, JobPage, JobServer, JobService, Output
from eoflows.services.geo_engine.client import GeoEngineClient
from eoflows.services.geo_engine.datasets import save_request
from eoflows.services.geo_engine.descriptors import RasterResultDescriptor, read_descriptor
from eoflows.services.geo_engine.errors import classified
from eoflows.services.geo_engine.plan import plan_raster
from eoflows.services.geo_engine.profiles import Profile
from eoflows.services.geo_engine.queries import QueryRectangle
from eoflows.services.geo_engine.request import GeoEngineRequest
from eoflows.services.geo_engine.tasks import TaskStatusInfo, read_task
from eoflows.stores.transfer import TransferEngine

__all__ = ["GeoEngineJobs", "GeoEngineService", "job_server"]

_PAGE = 20
"""Tasks on a page of the server's list, at the most."""


class GeoEngineService(JobService[GeoEngineRequest]):
    """The tasks of one user of a server that make datasets.

    A task shows what kind it is and the display name of its dataset, and neither its box nor its time; the
    server takes no token. So a task whose answer was lost is recognised only by being new in the list.

    Args:
        url: Base URL of the API.
        profile: Version of the interface.
        settle: Seconds after which a new task is surely listed.
        pending: Tasks that may run at a time; None sets no limit.
    """

    name = "geo-engine"
    request = GeoEngineRequest

    def __init__(
        self, url: str, profile: Profile, *, settle: float = 10.0, pending: int | None = None
    ) -> None:
        self._url, self._profile = url.rstrip("/"), profile
        self.can = Capabilities(
            recognition=Recognition.LISTING, lists=True, cancels=True, settle=settle, pending=pending
        )

    async def check(self, request: GeoEngineRequest, ask: Ask) -> None:
        """Find out whether the server knows the workflow, and whether the box and time fit it.

        Raises:
            AbsentError: There is no such workflow.
            InvalidInputError: It is no raster, or the query does not fit.
        """
        path = f"{self._url}/{self._profile.workflows}/{request.workflow}/metadata"
        descriptor = read_descriptor(orjson.loads((await ask(Call("GET", path))).content), url=path)
        if not isinstance(descriptor, RasterResultDescriptor):
            raise InvalidInputError(f"workflow {request.workflow} gives a {descriptor.kind}, not a raster")
        plan_raster(descriptor, query_of(request, descriptor.spatial_reference))

    def submission(self, request: GeoEngineRequest, token: str) -> Call:
        """Describe the request that starts a task; the server takes no token."""
        described = save_request(
            self._profile,
            str(request.workflow),
            query_of(request),
            name=request.name,
            display_name=request.display_name,
            description=request.description,
        )
        return Call(described.method, f"{self._url}/{described.path}", json=described.json)

    def read_submission(self, answer: httpx.Response) -> JobState:
        """Read the id of the new task; how it stands is asked for later."""
        document = read_json(answer)
        return JobState(id=str(document["taskId"]), phase=Phase.SUBMITTED, document=document)

    def status(self, job_id: str) -> Call:
        """Describe the question for one task."""
        return Call("GET", f"{self._url}/tasks/{job_id}/status")

    def read_status(self, answer: httpx.Response) -> JobState:
        """Read a task; its id is in the address only."""
        return _state(str(answer.url).split("/")[-2], read_json(answer))

    def listing(self, process: str | None, since: datetime | None) -> Call:
        """Describe the question for all tasks, newest first."""
        return self._page(0)

    def read_listing(self, answer: httpx.Response) -> JobPage:
        """Read a page of tasks; a page that is not full is the last."""
        entries = list_in(read_json(answer))
        states, unread = read_entries(entries, lambda one: _state(str(one["taskId"]), one), ["taskId"])
        offset = int(answer.url.params["offset"])
        following = self._page(offset + _PAGE) if len(entries) == _PAGE else None
        return JobPage(states, following, unread)

    def cancellation(self, job_id: str) -> Call:
        """Describe how a task is aborted; it cleans up behind itself."""
        return Call("DELETE", f"{self._url}/tasks/{job_id}")

    async def outputs(self, state: JobState, ask: Ask) -> Sequence[Output]:
        """Give what the task tells of its dataset: its name, and the upload that holds the files.

        Raises:
            ContractError: It does not say.
        """
        info = state.document.get("info")
        if not isinstance(info, dict) or "dataset" not in info:
            raise ContractError(f"task {state.id} has ended and does not name its dataset", url=self._url)
        content = orjson.dumps(info, option=orjson.OPT_INDENT_2)
        return [Output("dataset.json", content=content, media_type="application/json")]

    def _page(self, offset: int) -> Call:
        return Call("GET", f"{self._url}/tasks/list", params={"offset": str(offset), "limit": str(_PAGE)})


class GeoEngineJobs(JobServer[GeoEngineRequest]):
    """The tasks of one user; refusals are read as those of Geo Engine, which answers 400 to almost all."""

    async def _ask(self, call: Call, *, repeatable: bool) -> httpx.Response:
        try:
            return await super()._ask(call, repeatable=repeatable)
        except RefusedError as error:
            raise classified(error, call.url) from error


async def job_server(
    client: GeoEngineClient,
    endpoint: str,
    *,
    exclusive: bool = False,
    settle: float = 10.0,
    pending: int | None = None,
) -> GeoEngineJobs:
    """Give the tasks of a client's user; they live as long as the client is open.

    Args:
        client: The server, opened in this event loop.
        endpoint: Public identity of where and whose.
        exclusive: Whether nobody else starts tasks as this user.
        settle: As for `GeoEngineService`.
        pending: As for `GeoEngineService`.
    """
    service = GeoEngineService(client.url, await client.profile(), settle=settle, pending=pending)
    return GeoEngineJobs(service, endpoint, client.http, exclusive=exclusive, transfer=TransferEngine)


def query_of(request: GeoEngineRequest, srs: str = "EPSG:4326") -> QueryRectangle:
    """The box and time of a request."""
    time: Any = request.time_start if request.time_end is None else (request.time_start, request.time_end)
    return QueryRectangle(request.bbox, time, srs, resolution=request.resolution)


def _state(job_id: str, document: Any) -> JobState:
    found: TaskStatusInfo = read_task(document)
    return JobState(
        id=job_id,
        phase=Phase(found.phase),
        raw_status=found.status,
        progress=found.progress,
        message=found.message,
        process=document.get("taskType"),
        created=found.started,
        started=found.started,
        document=found.document,
    )
