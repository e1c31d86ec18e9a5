"""Answers, read: pure functions from an answer to a document or an error of our tree."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, ValidationError

from eoflows.base.errors import ContractError, OutcomeUnknownError, public_url
from eoflows.base.faults import faults_of
from eoflows.services.ogc_processes.links import header_links, job_id_in
from eoflows.services.ogc_processes.models import JobInfo, JobResults, ProcessRequest
from eoflows.services.ogc_processes.results import NO_JSON, json_of, read_results

__all__ = ["Execution", "read_dismissal", "read_document", "read_execution", "read_job"]

M = TypeVar("M", bound=BaseModel)
_ENDED_OR_GOING = frozenset(
    {"created", "accepted", "running", "successful", "succeeded", "failed", "dismissed"}
)


@dataclass(frozen=True)
class Execution:
    """What an execution gave.

    Attributes:
        job: The job. A synchronous answer is one that was successful.
        results: The results of a synchronous answer; None where they are to be asked for.
        is_local: Whether the server knows no such job: it answered synchronously and named none.
    """

    job: JobInfo
    results: JobResults | None = None
    is_local: bool = False


def read_document(model: type[M], answer: httpx.Response, url: str) -> M:
    """Read a JSON document.

    Raises:
        ContractError: It is no JSON, or no such document; the message names the field.
    """
    document = json_of(answer.content)
    if document is NO_JSON:
        kind = answer.headers.get("content-type", "no type")
        raise ContractError(f"the answer is not JSON but {len(answer.content)} bytes of {kind}", url=url)
    return _validated(model, document, url)


def read_job(answer: httpx.Response, url: str, job_id: str) -> JobInfo:
    """Read a status document; one that names no job is about the one that was asked for.

    Raises:
        ContractError: It is no status document, or that of another job.
    """
    document = json_of(answer.content)
    if isinstance(document, dict) and _id_of(document) is None:
        document = {**document, "jobID": job_id}
    job = _validated(JobInfo, None if document is NO_JSON else document, url)
    if job.jobID != job_id:
        raise ContractError(f"job {job_id!r} was asked for, and job {job.jobID!r} came", url=url)
    return job


def read_dismissal(answer: httpx.Response, job_id: str) -> JobInfo:
    """Read the answer to a dismissal: whatever a success says or leaves out, the job is dismissed."""
    document = json_of(answer.content)
    fields = document if isinstance(document, dict) else {}
    return _lenient({"status": "dismissed", **fields, "jobID": job_id}, job_id, "dismissed")


def read_execution(
    answer: httpx.Response,
    url: str,
    process_id: str,
    request: ProcessRequest | Mapping[str, Any] | None = None,
    *,
    local_id: str,
) -> Execution:
    """Read the answer to an execution, whichever way the server chose to answer.

    Args:
        answer: Status below 300.
        url: What was asked.
        process_id: What was executed.
        request: What was sent; it may name the outputs.
        local_id: Id for a synchronous answer that names no job.

    Raises:
        OutcomeUnknownError: There is a job, and nothing tells its id.
        ContractError: It was executed, and the results in the answer cannot be read.
    """
    document = json_of(answer.content)
    fields = document if isinstance(document, dict) else {}
    location = _location(answer, url)
    if answer.status_code in (201, 202) or _is_status(fields):
        job_id = _id_of(fields) or location or _id_in_links(fields)
        if job_id is None:
            raise OutcomeUnknownError(
                f"{public_url(url)} answered {answer.status_code}: a job began, and neither body nor "
                "Location nor a link tells its id; look for it among the server's jobs before executing again"
            )
        known = {"status": "accepted", "processID": process_id, **_present(fields), "jobID": job_id}
        return Execution(_lenient(known, job_id, "accepted"))
    done = {"status": "successful", "processID": process_id, "progress": 100}
    results = read_results(answer, url, request)
    job = JobInfo.model_validate({**done, "jobID": location or local_id})
    return Execution(job, results, location is None)


def _validated(model: type[M], document: Any, url: str) -> M:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        fault = faults_of(error, most=1)
        raise ContractError(f"the answer is no {model.__name__}: {fault}", url=url) from None
    except RecursionError as error:
        raise ContractError(f"the answer is no {model.__name__}: it is nested too deeply", url=url) from error


def _lenient(fields: Mapping[str, Any], job_id: str, status: str) -> JobInfo:
    """A job whose id is known is never lost to an odd field beside it."""
    try:
        return JobInfo.model_validate(fields)
    except (ValidationError, RecursionError):
        return JobInfo(jobID=job_id, status=status)


def _is_status(fields: Mapping[str, Any]) -> bool:
    """Whether an object is a status document, and no document of results."""
    status = fields.get("status")
    if not isinstance(status, str) or _id_of(fields) is None:
        return False
    if "jobID" in fields:
        return True
    known = status.strip().lower() in _ENDED_OR_GOING
    return known and (fields.get("type") == "process" or "processID" in fields or "created" in fields)


def _id_of(fields: Mapping[str, Any]) -> str | None:
    for name in ("jobID", "id"):
        found = fields.get(name)
        if isinstance(found, str | int) and not isinstance(found, bool) and str(found).strip():
            return str(found)
    return None


def _location(answer: httpx.Response, url: str) -> str | None:
    told = answer.headers.get("location")
    if told:
        return job_id_in(told)
    links = header_links(answer.headers.get_list("link"), url)
    return next((job_id_in(one.href) for one in links if one.rel in ("monitor", "status")), None)


def _id_in_links(fields: Mapping[str, Any]) -> str | None:
    links = fields.get("links")
    told = [fields.get("location")] + [
        one.get("href")
        for one in (links if isinstance(links, list) else [])
        if isinstance(one, dict) and str(one.get("rel")).rpartition("/")[2] in ("monitor", "status")
    ]
    found = (job_id_in(address) for address in told if isinstance(address, str))
    return next((one for one in found if one), None)


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
