"""What the UP42 stand-in believes of the service. A doc line says where a default was only believed."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from eoflows.sandbox.up42.processes import PROCESSES, Process
from eoflows.sandbox.up42.schedule import Rule

__all__ = ["Up42Settings", "User"]

_ACCOUNT = "5a21b1ee-0000-4b01-90e6-d701748f0851"


@dataclass(frozen=True)
class User:
    """A person who may log in."""

    password: str
    account: str
    """Account identifier: credits and jobs belong to it."""
    workspace: str
    """The person's default workspace, the `sub` of userinfo."""


def _users() -> dict[str, User]:
    other = "5a21b1ee-2222-4b01-90e6-d701748f0851"
    return {
        "demo": User("demo-password", _ACCOUNT, "7d1cf222-0000-468c-a93a-3e3188875997"),
        "colleague": User("colleague-password", _ACCOUNT, "7d1cf222-1111-468c-a93a-3e3188875997"),
        "stranger": User("stranger-password", other, "7d1cf222-2222-468c-a93a-3e3188875997"),
    }


@dataclass(frozen=True, kw_only=True)
class Up42Settings:
    """One table for all regions; each region keeps jobs, credits and tokens of its own."""

    regions: tuple[str, ...] = ("eu", "sa")
    """`eu` is served at /up42 and /up42-auth, any other at /up42-NAME and /up42-NAME-auth."""
    users: Mapping[str, User] = field(default_factory=_users)
    """Login to person; `demo` and `colleague` share an account."""
    credits: int = 10_000
    """Credits of each account at the start."""
    budgets: Mapping[str, int] = field(default_factory=dict)
    """`budgetId` to the most that it may spend; an unknown one is refused with 404 (believed)."""
    processes: tuple[Process, ...] = PROCESSES
    """What can be run, and its price at the start."""
    eulas_refused: frozenset[str] = frozenset()
    """Processes whose EULA nobody has accepted at the start."""
    rules: tuple[Rule, ...] = ()
    """What becomes of jobs that differ from the others; the first that fits holds."""
    token_lifetime: int = 300
    """Seconds that a token lives, its `expires_in`."""
    pace: Literal["polls", "clock", "manual"] = "polls"
    """What moves a job on: being asked for (by id, or named in `ids`), the clock, or only the tests."""
    steps_per_poll: int = 1
    """Statuses that a job moves on each time it is asked for."""
    durations: Mapping[str, float] = field(default_factory=lambda: {"running": 20.0})
    """With `pace="clock"`: seconds that a job stays in each status; 1 where none is given."""
    ending: Literal["captured", "successful"] = "captured"
    """Last status of a good job; newer servers stop at `successful` and take the credits there."""
    results_at: Literal["successful", "captured"] = "successful"
    """Status at which a job's `results.collection` is first shown (believed)."""
    fraction_digits: int = 9
    """Digits of a job's timestamps after the second, 0 to 9 (observed: 9)."""
    page_size: int = 20
    """Jobs in a page when no `limit` is asked for (believed)."""
    max_page_size: int = 100
    """Largest page of jobs; a larger one is cut (believed)."""
    next_link: Literal["relative", "absolute", "elsewhere"] = "relative"
    """`next` is a path below the API host (observed), a whole URL, or a URL at the other origin."""
    listing_lag: int = 0
    """Lists that a new job is missing from (believed: 0)."""
    requests_per_second: float | None = 100.0
    """Rate for each client address, else 429 (documented long ago); None: no limit."""
    burst: int = 500
    """Requests that may come at once before the rate counts (documented long ago)."""
    signed_url_lifetime: float = 300.0
    """Seconds that a signed download URL is valid (documented)."""
    signed_url_refuses_bearer: bool = True
    """A signed URL asked for with an Authorization header is refused with 400, as object stores do."""
    sources: int = 12
    """Assets in storage at the start; `Storage.sources` says what is special."""
    result_size: int = 200_000
    """Bytes of the main file of a job's result."""
    checksums: bool = True
    """STAC assets carry `file:size` and `file:checksum` (believed)."""
