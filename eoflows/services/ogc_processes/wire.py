"""Sending described requests, and following pages."""

from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, TypedDict, TypeVar

import anyio
import httpx
from pydantic import BaseModel

from eoflows.base.errors import ContractError, ServiceError
from eoflows.base.http import HttpClient
from eoflows.services.ogc_processes.answers import read_document
from eoflows.services.ogc_processes.calls import Endpoint, OgcCall
from eoflows.services.ogc_processes.errors import client_error
from eoflows.services.ogc_processes.models import JobList, ProcessList

__all__ = ["OgcWire", "Transport", "plain", "read_apart", "translated"]

T = TypeVar("T")
M = TypeVar("M", bound=BaseModel)
Page = TypeVar("Page", ProcessList, JobList)
_MOST_PAGES = 10_000
_MOST_STALE = 3
"""Pages in a row without anything new; one or two may be, where jobs are added while the list is read."""
_LEAVE_LOOP_BYTES = 1_000_000


class Transport(TypedDict, total=False):
    """What `**kwargs` of every call may say to the transport."""

    timeout: float
    """Seconds to wait for the server to go on (not in all); the client's if absent."""
    headers: Mapping[str, str]
    """Further headers, or others: `{"accept": "image/tiff"}`. They go to the configured origin only."""
    params: Mapping[str, str]
    """Further query parameters."""


_OPTIONS = frozenset(Transport.__annotations__)


class OgcWire:
    """Sends to one server.

    Args:
        endpoint: The server.
        http: Client with its credentials.
    """

    def __init__(self, endpoint: Endpoint, http: HttpClient) -> None:
        self._endpoint, self._http = endpoint, http

    async def send(self, call: OgcCall, options: Mapping[str, Any]) -> httpx.Response:
        """Send a request; errors as `HttpClient.request`.

        Raises:
            TypeError: The options have something that `Transport` has not.
        """
        if unknown := options.keys() - _OPTIONS:
            names = ", ".join(sorted(unknown))
            raise TypeError(f"the transport takes timeout, headers and params, not {names}")
        return await self._http.request(
            call.method,
            call.url,
            json=call.json,
            params={**call.params, **options.get("params", {})},
            headers={**call.headers, **_lower(options.get("headers", {}))},
            repeatable=call.repeatable,
            timeout=options.get("timeout"),
        )

    async def ask(self, call: OgcCall, options: Mapping[str, Any]) -> httpx.Response:
        """Send a request; what fails is a `ClientException`."""
        try:
            return await self.send(call, options)
        except ServiceError as error:
            raise client_error(error) from error

    async def document(self, model: type[M], call: OgcCall, options: Mapping[str, Any]) -> M:
        """Ask for a document."""
        answer = await self.ask(call, options)
        return await read_apart(answer, lambda: read_document(model, answer, call.url))

    async def pages(
        self, model: type[Page], call: OgcCall, options: Mapping[str, Any]
    ) -> AsyncGenerator[tuple[Page, set[str]]]:
        """Give pages, each with the ids on it that no earlier page had; an empty page is the last.

        Raises:
            ClientContractError: The pages run in a circle.
        """
        following: OgcCall | None = call
        seen, count, stale = set[str](), 0, 0
        while following is not None:
            if stale == _MOST_STALE or count == _MOST_PAGES:
                circle = f"after {count} pages with {len(seen)} entries the pages run in a circle"
                raise client_error(ContractError(circle, url=following.url))
            page = await self.document(model, following, options)
            ids, count = _ids(page), count + 1
            stale = 0 if ids - seen else stale + 1
            yield page, ids - seen
            seen |= ids
            following = self._next(page, following) if ids else None
            # The server's own link has all that the question had.
            options = {**options, "params": {}}

    def _next(self, page: ProcessList | JobList, call: OgcCall) -> OgcCall | None:
        return translated(lambda: self._endpoint.next_page(page.links, call.url))


def plain(options: Mapping[str, Any]) -> dict[str, Any]:
    """What a caller told the transport, as far as it fits another question than the one it was for."""
    kept = {
        name: value
        for name, value in _lower(options.get("headers", {})).items()
        if name not in ("accept", "prefer")
    }
    return {**options, "headers": kept, "params": {}}


def translated(read: Callable[[], T]) -> T:
    """Read something; what fails is a `ClientException`."""
    try:
        return read()
    except ServiceError as error:
        raise client_error(error) from error


async def read_apart(answer: httpx.Response, read: Callable[[], T]) -> T:
    """Read an answer, outside the event loop where it is large."""
    if len(answer.content) < _LEAVE_LOOP_BYTES:
        return translated(read)
    return await anyio.to_thread.run_sync(translated, read)


def _lower(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers.items()}


def _ids(page: ProcessList | JobList) -> set[str]:
    if isinstance(page, JobList):
        return {job.jobID for job in page.jobs}
    return {process.id for process in page.processes}
