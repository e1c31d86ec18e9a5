"""How an OGC API - Processes server of the sandbox behaves: the standard, unless a field says otherwise.

Any field can be changed for single requests by the fault `behave` (see `sandbox/faults.py`).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Address", "Auth", "ErrorStyle", "Modes", "OgcProcessesSettings", "Pace"]

Pace = Callable[[float], Awaitable[None]]
Modes = Literal["both", "sync", "async"]
Auth = Literal["none", "basic", "bearer", "api_key", "login"]
ErrorStyle = Literal["problem", "json", "pygeoapi", "html", "empty"]
Address = Literal["absolute", "relative", "foreign", "wrong"]
"""How a link is written: absolute; path only; at the sandbox's other origin; at a name that does not exist,
as a server behind a proxy writes it that does not know its own address."""


@dataclass(frozen=True, kw_only=True)
class OgcProcessesSettings:
    """One server."""

    modes: Mapping[str, Modes] = field(default_factory=dict)
    """Process id to the modes it offers; absent: both."""
    extra_processes: int = 0
    """Number of further processes `echo-1`, `echo-2` ..., for long lists; fixed when the server starts."""
    process_page: int = 10
    """Processes in a page when no `limit` is asked for (1.0 has no paging here; later drafts have)."""
    job_page: int = 10
    """Jobs in a page when no `limit` is asked for (the standard's recommendation)."""
    max_page: int = 1000
    """Largest page; a larger one is cut (believed)."""
    next_link: Literal["good", "loop", "none"] = "good"
    """`loop`: the next page is always the first one. `none`: a cut list without a link."""
    list_filters: bool = True
    """The job list obeys its filters; pygeoapi ignores them (observed)."""

    async_answer: Literal["accept", "sync"] = "accept"
    """What `Prefer: respond-async` brings at a process with both modes: a job, or the results at once with
    200 (the standard leaves it to the server)."""
    prefer_parsing: Literal["list", "whole"] = "list"
    """`whole`: `Prefer: respond-async, wait=5` is not understood and runs synchronously (observed on
    pygeoapi)."""
    bare_objects: bool = False
    """Object inputs need not be qualified values (observed on pygeoapi; by the standard they are refused)."""
    accepted_status: int = 201
    """Status of the answer that announces a job."""
    accepted_body: Literal["status", "id", "empty", "null", "object"] = "status"
    """Its body: the status document, `{"id"}` alone, nothing, `null` or `{}` (both observed on pygeoapi)."""
    accepted_location: Address | Literal["none"] = "absolute"
    """Its Location."""
    preference_applied: bool = True
    """It says `Preference-Applied: respond-async`."""

    links: Address = "absolute"
    """Links in documents, and addresses of results by reference."""
    results: Literal["standard", "document", "raw"] = "standard"
    """How results are written: as the execute request says, or always one way whatever it says."""
    status_documents: Literal["1.0", "2.0"] = "1.0"
    """`jobID` and `successful`, or `id` and `succeeded` as in one stored version of the 2.0 draft."""
    shows_inputs: bool = False
    """Status documents hold the execute request's inputs, as `inputs` (some servers do; the 2.0 draft has
    `request`)."""
    hidden_requests: int = 0
    """Requests for a new job, or for the list, that do not see it yet (a pygeoapi issue: 404 right after
    POST)."""
    retry_after: float | None = None
    """Seconds in `Retry-After`, on what announces or shows an unfinished job; None: no header. A fraction
    is no valid header, but lets tests be quick."""
    not_ready: int = 404
    """Status when results are asked for too early (404 by the standard). With 403, which is no matter of
    credentials, also a dismissed job has it (observed on wraptile)."""
    dismissed: Literal["gone", "missing", "kept"] = "gone"
    """A dismissed job: 410 (believed), 404 (observed on pygeoapi), or still there with status `dismissed`."""
    dismiss_stops: bool = True
    """The work ends too; on pygeoapi it goes on (observed)."""
    dismiss_body: Literal["status", "bare"] = "status"
    """`bare`: `jobID`, `status`, `progress` and nothing else, as text/html (observed on pygeoapi)."""
    callbacks: bool = True
    """Subscribers are told; they get the results, the status document, or the failure."""

    auth: Auth = "none"
    """What every request must show at the main origin; the other origin asks for nothing, as a storage host
    of signed URLs. `basic`: a login of the sandbox. `bearer`: one of `static_tokens`. `api_key`: X-API-Key, a
    key of the sandbox. `login`: a token from `{prefix}/auth/login`, which expires."""
    static_tokens: tuple[str, ...] = ("sandbox-demo-token",)
    """Tokens that `bearer` accepts, as Authorization or as X-Auth-Token."""
    errors: ErrorStyle = "problem"
    """Body of an error: RFC 7807; the same as application/json; `{code, type, description}` with a bare word
    as type (observed on pygeoapi); an HTML page; nothing."""

    pace: Pace = asyncio.sleep
    """Waits for so many seconds between two steps of a process; `Steps` waits for the test instead."""
    id_prefix: str = ""
    """Text before the UUID in a job's id."""
