"""Requests to a server, described; nothing here sends anything."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import quote, urljoin, urlsplit

import orjson
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError

from eoflows.base.errors import ContractError, InvalidInputError, public_url
from eoflows.base.faults import faults_of
from eoflows.base.http import Origin
from eoflows.services.ogc_processes.models import Link, ProcessRequest

__all__ = ["Endpoint", "Mode", "OgcCall", "request_body"]

Mode = Literal["async", "sync"]
"""`async` asks for a job (`Prefer: respond-async`), `sync` states no wish; the server decides either way."""

_JSON: Mapping[str, str] = {"accept": "application/json"}


@dataclass(frozen=True)
class OgcCall:
    """A request, described.

    Attributes:
        method: HTTP method.
        url: Absolute URL.
        json: Body, sent as JSON; None sends none.
        params: Query parameters.
        headers: Headers, lower case.
        repeatable: Whether sending it twice does no harm.
    """

    method: str
    url: str
    json: Any = None
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=lambda: _JSON)
    repeatable: bool = True


@dataclass(frozen=True)
class Endpoint:
    """A server, as it is configured; its own idea of its address does not count.

    Attributes:
        url: Its landing page, without a slash at the end.
    """

    url: str

    def __post_init__(self) -> None:
        Origin.of(self.url)
        parts = urlsplit(self.url)
        if parts.username or parts.password or parts.query or parts.fragment:
            raise InvalidInputError(
                f"{public_url(self.url)}: a server's URL has no user, password, query or fragment; "
                "use the fields for credentials"
            )
        object.__setattr__(self, "url", self.url.rstrip("/"))

    def landing(self) -> OgcCall:
        """Ask for the landing page."""
        return OgcCall("GET", f"{self.url}/")

    def conformance(self) -> OgcCall:
        """Ask for the conformance classes."""
        return OgcCall("GET", f"{self.url}/conformance")

    def processes(self) -> OgcCall:
        """Ask for the processes."""
        return OgcCall("GET", f"{self.url}/processes")

    def process(self, process_id: str) -> OgcCall:
        """Ask for a process."""
        return OgcCall("GET", f"{self.url}/processes/{_segment(process_id, 'process')}")

    def execution(
        self, process_id: str, request: ProcessRequest | Mapping[str, Any], mode: Mode = "async"
    ) -> OgcCall:
        """Execute a process; never to be sent twice."""
        url = f"{self.url}/processes/{_segment(process_id, 'process')}/execution"
        # Alone, without a wait: some servers compare the whole header.
        prefer = {"prefer": "respond-async"} if mode == "async" else {}
        return OgcCall("POST", url, request_body(request), headers={**_JSON, **prefer}, repeatable=False)

    def jobs(self, *, process_id: str | None = None, statuses: Sequence[str] = ()) -> OgcCall:
        """Ask for the jobs, filtered where the server can: what it gives may be more."""
        params = {"processID": process_id} if process_id else {}
        params |= {"status": ",".join(statuses)} if statuses else {}
        return OgcCall("GET", f"{self.url}/jobs", params=params)

    def job(self, job_id: str) -> OgcCall:
        """Ask for a job."""
        return OgcCall("GET", f"{self.url}/jobs/{_segment(job_id, 'job')}")

    def dismissal(self, job_id: str) -> OgcCall:
        """Stop a job; where it has ended, remove it with its results."""
        return OgcCall("DELETE", f"{self.url}/jobs/{_segment(job_id, 'job')}")

    def results(self, job_id: str) -> OgcCall:
        """Ask for the results of a job."""
        return OgcCall("GET", f"{self.url}/jobs/{_segment(job_id, 'job')}/results")

    def next_page(self, links: Sequence[Link], asked: str) -> OgcCall | None:
        """Ask for the page that a `next` link leads to, always at the configured origin.

        A server behind a proxy often writes its inner address: then the link's path counts if it is
        below the configured one, else its query alone.

        Args:
            links: Links of a page.
            asked: URL of that page.

        Raises:
            ContractError: There are several next links, or one that is no URL.
        """
        following = [link for link in links if link.rel == "next"]
        # Some servers offer the page for people beside the one for programs.
        as_json = [link for link in following if "json" in (link.type or "").lower()]
        targets = {link.href for link in as_json or following}
        if not targets:
            return None
        if len(targets) > 1:
            raise ContractError(f"a page has {len(targets)} next links, not one", url=asked)
        try:
            parts = urlsplit(urljoin(asked, targets.pop()))
            home = str(Origin.of(self.url))
            below = (parts.path + "/").startswith(urlsplit(self.url).path + "/")
            path = parts.path if below else urlsplit(asked).path
            return OgcCall("GET", home + path + (f"?{parts.query}" if parts.query else ""))
        except ValueError as error:
            raise ContractError(f"the link to the next page is no URL: {error}", url=asked) from error


def request_body(request: ProcessRequest | Mapping[str, Any]) -> dict[str, Any]:
    """Give an execution request as JSON; a mapping is checked, and sent as it is.

    Raises:
        InvalidInputError: It is no execution request, or holds what JSON cannot.
    """
    try:
        if isinstance(request, ProcessRequest):
            return request.body()
        ProcessRequest.model_validate(request)
        body: dict[str, Any] = orjson.loads(orjson.dumps(dict(request)))
    except ValidationError as error:
        raise InvalidInputError(f"this is no execution request: {faults_of(error, whole='it')}") from None
    except (orjson.JSONEncodeError, PydanticSerializationError, TypeError) as error:
        raise InvalidInputError(f"the execution request cannot be written as JSON: {error}") from error
    return body


def _segment(text: str, kind: str) -> str:
    if not isinstance(text, str) or text.strip() in ("", ".", ".."):
        raise InvalidInputError(f"{text!r} is no id of a {kind}")
    return quote(text, safe="")
