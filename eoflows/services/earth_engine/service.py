"""Earth Engine's exports as one of the services that run jobs."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import httpx
import orjson

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.jobs.border import list_in, read_entries, read_json
from eoflows.jobs.models import Capabilities, JobState, Recognition
from eoflows.jobs.service import Ask, Call, JobPage, JobService, Output
from eoflows.services.earth_engine.bucket_calls import BucketCalls, read_page
from eoflows.services.earth_engine.operations import read_operation
from eoflows.services.earth_engine.request import EarthEngineRequest, destination_of
from eoflows.services.earth_engine.shards import StoredObject, manifest_of

__all__ = ["MOST_PENDING", "EarthEngineService", "list_objects"]

MOST_PENDING = 3000
"""Operations of a project that may wait at one time (documented)."""

_PROJECT = re.compile(r"[a-z0-9][a-z0-9:.-]{0,98}[a-z0-9]")
_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
_PAGE = "500"


class EarthEngineService(JobService[EarthEngineRequest]):
    """The exports of one project.

    A request takes the token of its intent as `requestId`: sent twice, there is one operation.

    Args:
        project: The Google Cloud project.
        url: Origin of Earth Engine.
        storage_url: Origin of Cloud Storage.
        settle: Seconds after which a new operation is surely visible.
        pending: Operations that may wait or run at a time; None sets no limit.
    """

    name = "earth_engine"
    request = EarthEngineRequest

    def __init__(
        self,
        project: str,
        *,
        url: str = "https://earthengine.googleapis.com",
        storage_url: str = "https://storage.googleapis.com",
        settle: float = 60.0,
        pending: int | None = MOST_PENDING,
    ) -> None:
        if not _PROJECT.fullmatch(project):
            raise InvalidInputError(
                f"{project[:80]!r} is no id of a Google Cloud project; its number will do as well"
            )
        self.endpoint = f"{url.rstrip('/')}/v1/projects/{project}"
        self._storage_url = storage_url
        self._user = {"x-goog-user-project": project}
        self.can = Capabilities(
            recognition=Recognition.TOKEN, lists=True, cancels=True, settle=settle, pending=pending
        )

    def bucket(self, name: str) -> BucketCalls:
        """Give what can be asked of a bucket."""
        return BucketCalls(self._storage_url, name)

    def submission(self, request: EarthEngineRequest, token: str) -> Call:
        """Describe the export."""
        body = {**orjson.loads(request.body), "requestId": token}
        return Call("POST", f"{self.endpoint}/image:export", json=body, headers=self._user)

    def read_submission(self, answer: httpx.Response) -> JobState:
        """Read the new operation."""
        return self.read_status(answer)

    def status(self, job_id: str) -> Call:
        """Describe the question for one operation."""
        return Call("GET", self._operation(job_id), headers=self._user)

    def read_status(self, answer: httpx.Response) -> JobState:
        """Read the operation."""
        return read_operation(_document(answer), url=str(answer.url))

    def listing(self, process: str | None, since: datetime | None) -> Call:
        """Describe the question for all operations of the project."""
        return Call("GET", f"{self.endpoint}/operations", params={"pageSize": _PAGE}, headers=self._user)

    def read_listing(self, answer: httpx.Response) -> JobPage:
        """Read a page of operations, those that export an image."""
        document, url = _document(answer), str(answer.url)
        exports = [one for one in list_in(document.get("operations", []) or []) if _may_be_export(one)]
        states, unread = read_entries(exports, lambda one: read_operation(one, url=url))
        page = document.get("nextPageToken")
        following = {"pageSize": _PAGE, "pageToken": str(page)}
        call = Call("GET", f"{self.endpoint}/operations", params=following, headers=self._user)
        return JobPage(states, call if page else None, unread)

    def cancellation(self, job_id: str) -> Call:
        """Describe how an operation is stopped."""
        return Call("POST", f"{self._operation(job_id)}:cancel", json={}, headers=self._user)

    def algorithms(self) -> Call:
        """Describe the question for all functions that graphs are made of."""
        return Call("GET", f"{self.endpoint}/algorithms", headers=self._user)

    def computation(self, expression: Any) -> Call:
        """Describe the question for the value of an expression."""
        return Call(
            "POST", f"{self.endpoint}/value:compute", json={"expression": expression}, headers=self._user
        )

    def is_same(self, request: EarthEngineRequest, state: JobState) -> bool:
        """Tell whether an operation has a request's name; it is recognised by its token."""
        about = state.document.get("metadata") or {}
        return bool(about.get("description") == request.name.rpartition("/")[2])

    async def outputs(self, state: JobState, ask: Ask) -> Sequence[Output]:
        """Find the files of an operation in the bucket, with size and CRC32C; they stay there.

        Raises:
            ContractError: Not all of them are there.
        """
        bucket, name, grid = destination_of(state.process)
        calls = self.bucket(bucket)
        found = manifest_of(await list_objects(calls, name, ask), name, grid)
        return [_output(calls, bucket, one) for one in found]

    def _operation(self, job_id: str) -> str:
        if not _ID.fullmatch(job_id):
            raise InvalidInputError(f"{job_id[:80]!r} is no id of an operation")
        return f"{self.endpoint}/operations/{job_id}"


def _may_be_export(one: Any) -> bool:
    about = one.get("metadata") if isinstance(one, dict) else None
    return not isinstance(about, dict) or about.get("type", "EXPORT_IMAGE") == "EXPORT_IMAGE"


def _output(calls: BucketCalls, bucket: str, one: StoredObject) -> Output:
    return Output(
        one.file_name,
        (calls.content_url(one),),
        stays=f"gs://{bucket}/{one.name}",
        media_type="image/tiff",
        size=one.size,
        checksums=() if one.checksum is None else (one.checksum,),
    )


async def list_objects(calls: BucketCalls, prefix: str, ask: Ask) -> list[StoredObject]:
    """Give all objects of a bucket whose names begin with a text.

    Raises:
        ContractError: The list goes round in circles, or cannot be read.
    """
    found: list[StoredObject] = []
    seen, page = {""}, ""
    while True:
        answer = await ask(calls.listing(prefix, page))
        objects, page = read_page(_document(answer), url=str(answer.url))
        found += objects
        if not page:
            return found
        if page in seen:
            raise ContractError("the bucket's list goes round in circles", url=str(answer.url))
        seen.add(page)


def _document(answer: httpx.Response) -> dict[str, Any]:
    document = read_json(answer)
    if not isinstance(document, dict):
        raise ContractError("the answer is no JSON object", url=str(answer.url))
    return document
