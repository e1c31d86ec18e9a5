"""Answers of the processing API, read: pure functions from documents to models."""

from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import unquote, urlsplit

import httpx

from eoflows.base.errors import ContractError, ForbiddenAddressError, public_url
from eoflows.base.http import Origin
from eoflows.jobs.border import MOST_CREDITS, read_json
from eoflows.services.up42.cost import Cost, whole_credits
from eoflows.services.up42.models import JobRecord, ValidationError, read_findings, read_job

__all__ = [
    "collection_id",
    "document_of",
    "eula_of",
    "is_accepted",
    "next_page",
    "next_url",
    "read_cost",
    "read_jobs",
    "read_processes",
    "read_signed_url",
    "read_user",
    "read_validation",
    "time_of",
]


def document_of(answer: httpx.Response) -> Any:
    """Read an answer's JSON.

    Raises:
        ContractError: It is not JSON.
    """
    return read_json(answer)


def time_of(answer: httpx.Response) -> datetime:
    """Give the time of an answer by the service's clock, aware UTC; by ours where it does not say."""
    try:
        moment = parsedate_to_datetime(answer.headers.get("date", ""))
    except ValueError:
        return datetime.now(UTC)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def read_processes(document: object) -> list[Mapping[str, Any]]:
    """Read the list of processes.

    Raises:
        ContractError: It is no list of processes.
    """
    processes = _object(document, "a list of processes").get("processes")
    if not isinstance(processes, list):
        raise ContractError(f"a list of processes has {type(processes).__name__}, not a list")
    return [_object(process, "a process") for process in processes]


def read_user(document: object) -> str:
    """Read who is logged in: the id, which is that of the user's own workspace.

    Raises:
        ContractError: It has none.
    """
    return _text(document, "the user", "sub")


def read_signed_url(document: object) -> str:
    """Read the answer to the question where an asset's bytes are.

    Raises:
        ContractError: It has no URL.
    """
    return _text(document, "the answer for a download", "url")


def collection_id(url: str) -> str:
    """Give a collection's id: the last part of its URL, whatever host that names.

    Raises:
        ContractError: The URL has no such part.
    """
    found = unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    if not found:
        raise ContractError(f"a job's results are in collection {url!r:.200}, which is no URL of one")
    return found


def eula_of(description: object) -> str | None:
    """Give the EULA that a process asks for, or None where it names none.

    Raises:
        ContractError: The description is no process.
    """
    more = _object(description, "a process").get("additionalParameters")
    parameters = _list(more.get("parameters")) if isinstance(more, Mapping) else []
    values = [one.get("value") for one in parameters if one.get("name") == "eula-id"]
    return next((str(value[0]) for value in values if isinstance(value, list) and value), None)


def is_accepted(document: object) -> bool:
    """Tell whether an EULA is accepted.

    Raises:
        ContractError: The answer does not say.
    """
    accepted = _object(document, "an EULA").get("isAccepted")
    if not isinstance(accepted, bool):
        raise ContractError(f"an EULA's 'isAccepted' is {accepted!r:.80}, neither true nor false")
    return accepted


def read_validation(status: int, document: object) -> frozenset[ValidationError]:
    """Read the answer to a validation.

    Args:
        status: HTTP status: 200 finds nothing; 400 says that the inputs do not fit the process's schema;
            422 lists what is wrong with their meaning.
        document: The JSON of the answer, None where it is empty.

    Raises:
        ContractError: Another status, or a refusal that names no reason.
    """
    if status == 200:
        return frozenset()
    fields = _object(document, f"a validation answered with {status}")
    if status == 400 and "schema-error" in fields:
        return frozenset({ValidationError(message=str(fields["schema-error"]), name="InvalidSchema")})
    found = frozenset(read_findings(fields.get("errors")))
    if status != 422 or not found:
        raise ContractError(f"a validation answered with {status} and no reason")
    return found


def read_cost(document: object) -> Cost:
    """Read an estimate.

    Raises:
        ContractError: It has no number of credits.
    """
    fields = _object(document, "an estimate")
    credits = whole_credits(fields.get("totalCredits"), "an estimate")
    if abs(credits) > MOST_CREDITS:
        raise ContractError(f"an estimate of {credits:.3g} credits is none")
    size, unit = fields.get("totalSize"), fields.get("unit")
    return Cost(
        strategy=str(fields.get("pricingStrategy") or ""),
        credits=credits,
        size=size if isinstance(size, int | float) else None,
        unit=unit if isinstance(unit, str) else None,
    )


def read_jobs(document: object, *, seen: datetime | None = None) -> tuple[JobRecord, ...]:
    """Read a page of jobs.

    Args:
        document: The JSON of the answer.
        seen: When the service gave it, by its own clock, aware UTC.

    Raises:
        ContractError: It is no page, or a job in it cannot be read.
    """
    jobs = _object(document, "a list of jobs").get("jobs")
    if not isinstance(jobs, list):
        raise ContractError(f"a list of jobs has {type(jobs).__name__} as its 'jobs', not a list")
    return tuple(read_job(job, seen=seen) for job in jobs)


def next_url(document: object, api_url: str) -> str | None:
    """Give the absolute URL of the page that follows a page, or None.

    Args:
        document: The JSON of the page.
        api_url: Address of the API host, without a slash at the end.

    Raises:
        ContractError: It is no page.
        ForbiddenAddressError: The next page is at another host.
    """
    links = _list(_object(document, "a page").get("links"))
    href = next((one["href"] for one in links if one.get("rel") == "next" and one.get("href")), None)
    return None if href is None else next_page(api_url, str(href))


def next_page(api_url: str, href: str) -> str:
    """Give the absolute URL of a next page.

    Args:
        api_url: Address of the API host, without a slash at the end.
        href: A path below the API host, which is what the service sends, or a whole URL.

    Raises:
        ForbiddenAddressError: It is at another host: the token must not go there.
    """
    if href.startswith("/") and not href.startswith("//"):
        return f"{api_url}{href}"
    if href.startswith(("http://", "https://")) and Origin.of(href) == Origin.of(api_url):
        return href
    raise ForbiddenAddressError(f"the next page is at {public_url(href)}, not at {public_url(api_url)}")


def _object(document: object, what: str) -> Mapping[str, Any]:
    if not isinstance(document, Mapping):
        raise ContractError(f"{what} is {type(document).__name__}, not an object")
    return document


def _text(document: object, what: str, name: str) -> str:
    value = _object(document, what).get(name)
    if not isinstance(value, str) or not value:
        raise ContractError(f"{what} has {type(value).__name__} as its {name!r}, not a text")
    return value


def _list(value: object) -> list[Mapping[str, Any]]:
    return [one for one in value if isinstance(one, Mapping)] if isinstance(value, list) else []
