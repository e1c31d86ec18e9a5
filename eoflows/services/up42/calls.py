"""Requests of the processing API, described."""

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from eoflows.base.errors import InvalidInputError
from eoflows.jobs.service import Call
from eoflows.services.up42.sorting import JobSorting, SortingField

__all__ = ["Calls"]

_PAGE = 100


class Calls:
    """Describes requests to one API host.

    Args:
        api: Address of the API host, without a slash at the end.
    """

    def __init__(self, api: str) -> None:
        self.api = api
        self._processes = f"{api}/v2/processing/processes"
        self._jobs = f"{api}/v2/processing/jobs"

    def processes(self) -> Call:
        """All processes."""
        return Call("GET", self._processes)

    def process(self, process_id: str) -> Call:
        """A process with its inputs."""
        return Call("GET", self._at(process_id))

    def eula(self, eula_id: str) -> Call:
        """Whether an EULA is accepted."""
        return Call("GET", f"{self.api}/v2/eulas/{_part(eula_id)}")

    def validation(self, process_id: str, inputs: Mapping[str, Any]) -> Call:
        """What is wrong with inputs."""
        return Call("POST", f"{self._at(process_id)}/validation", json={"inputs": inputs})

    def cost(self, process_id: str, inputs: Mapping[str, Any]) -> Call:
        """What a job with such inputs costs at present."""
        return Call("POST", f"{self._at(process_id)}/cost", json={"inputs": inputs})

    def execution(
        self, process_id: str, inputs: Mapping[str, Any], workspace_id: str, budget_id: str | None = None
    ) -> Call:
        """A new job. Each one sent makes one and costs its price: the service knows no idempotency key."""
        params = {"workspaceId": workspace_id} | ({"budgetId": budget_id} if budget_id else {})
        return Call("POST", f"{self._at(process_id)}/execution", json={"inputs": inputs}, params=params)

    def job(self, job_id: str) -> Call:
        """A job."""
        return Call("GET", f"{self._jobs}/{_part(job_id)}")

    def jobs(
        self,
        *,
        process_id: Iterable[str] | None = None,
        workspace_id: str | None = None,
        status: Iterable[str] | None = None,
        min_duration: int | None = None,
        max_duration: int | None = None,
        sort_by: SortingField = JobSorting.created,
    ) -> Call:
        """The first page of jobs. None does not narrow; a duration of 0 seconds is one."""
        asked = {
            "processId": None if process_id is None else ",".join(process_id),
            "workspaceId": workspace_id,
            "status": None if status is None else ",".join(status),
            "minDuration": min_duration,
            "maxDuration": max_duration,
            "sort": sort_by,
            "limit": _PAGE,
        }
        params = {name: str(value) for name, value in asked.items() if value is not None}
        return Call("GET", self._jobs, params=params)

    def collection(self, collection_id: str) -> Call:
        """A STAC collection in storage."""
        return Call("GET", f"{self.api}/v2/assets/stac/collections/{_part(collection_id)}")

    def signed(self, href: str) -> bool:
        """Tell whether an asset's bytes are behind a signed URL."""
        return href.startswith(f"{self.api}/")

    def download_url(self, href: str) -> Call:
        """A signed URL for an asset's bytes, valid for minutes."""
        return Call("POST", f"{href}/download-url")

    def _at(self, process_id: str) -> str:
        return f"{self._processes}/{_part(process_id)}"


def _part(text: str) -> str:
    if text in ("", ".", ".."):
        raise InvalidInputError(f"{text!r} is no id; give that of a process, job or collection")
    return quote(text, safe="")
