"""The fault language of all services: what shall go wrong, for which requests, how often.

| kind | what the client sees | parameters (default) |
|---|---|---|
| throttle | 429 | retry_after seconds (1; None: no header), http_date (False) |
| unavailable | 503 | retry_after (None), http_date (False), takes_effect (False) |
| server_error | 500 | status (500), close the connection after it (False), takes_effect (False) |
| forbidden | 403 | |
| repeat | an error document that repeats what was sent, in several encodings | status (403) |
| expired_token | 401 | revoke (False): all tokens issued so far are invalid, a new one passes |
| latency | the first byte comes late | seconds (0.2) |
| slow | the body comes slowly | rate bytes per second (10000), piece bytes (1024) |
| stall | headers, part of the body, then nothing | after_bytes (1000), seconds (60) |
| hang | nothing at all | seconds (60), takes_effect (False) |
| truncate | the promised Content-Length is not kept | after_bytes (1000) |
| reset | TCP reset | after_bytes (None: before any answer), takes_effect (False) |
| lost_answer | the request takes effect, the connection closes | |
| wrong_checksum | a body with flipped bytes, same length | offset (0), count (1) |
| wrong_size | a consistent body of another length | delta (-1) |
| error_page | 200, an error document | format (xml; html), at_byte (None; n: inside the body), status (200) |
| bad_json | a cut body, consistent length | keep fraction (0.5) |
| redirect | 302 | target (other_origin), status (302), hops (3), url (None) |
| wrong_range | Content-Range that lies | shift of the start (1), total_shift (0) |
| ignore_range | 200 to a Range request | |
| changed | another ETag and content | content (True), version (None: each time a new one) |
| gzip | Content-Encoding: gzip | |
| chunked | no Content-Length | |
| behave | an answer under other settings of the service | settings ({}: name to value) |

With `takes_effect` the service does what was asked, and only its answer is withheld.

Targets of `redirect`: other_origin, same_origin, loop, chain (`hops`), downgrade (to plain http on another
name of this host), file, link_local, private, url (`url`).
"""

import itertools
import random
import re
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any

from eoflows.sandbox.log import path_matches

__all__ = ["KINDS", "Fault", "FaultBook", "Fired"]

HOP_MARK = "_sandbox_hop"
BEHAVIOUR = "sandbox.behaviour"
"""Key of a request's scope: the settings that `behave` ordered for it, name to value."""

KINDS: dict[str, dict[str, Any]] = {
    "throttle": {"retry_after": 1, "http_date": False},
    "unavailable": {"retry_after": None, "http_date": False, "takes_effect": False},
    "server_error": {"status": 500, "close": False, "takes_effect": False},
    "forbidden": {},
    "repeat": {"status": 403},
    "expired_token": {"revoke": False},
    "latency": {"seconds": 0.2},
    "slow": {"rate": 10_000, "piece": 1024},
    "stall": {"after_bytes": 1000, "seconds": 60.0},
    "hang": {"seconds": 60.0, "takes_effect": False},
    "truncate": {"after_bytes": 1000},
    "reset": {"after_bytes": None, "takes_effect": False},
    "lost_answer": {},
    "wrong_checksum": {"offset": 0, "count": 1},
    "wrong_size": {"delta": -1},
    "error_page": {"format": "xml", "at_byte": None, "status": 200},
    "bad_json": {"keep": 0.5},
    "redirect": {"target": "other_origin", "status": 302, "hops": 3, "url": None},
    "wrong_range": {"shift": 1, "total_shift": 0},
    "ignore_range": {},
    "changed": {"content": True, "version": None},
    "gzip": {},
    "chunked": {},
    "behave": {"settings": {}},
}
"""Parameters of each kind, with their defaults."""

REDIRECT_TARGETS = (
    "other_origin",
    "same_origin",
    "loop",
    "chain",
    "downgrade",
    "file",
    "link_local",
    "private",
    "url",
)


@dataclass(frozen=True)
class Fault:
    """An order: this shall go wrong for those requests."""

    kind: str
    """One of `KINDS`."""
    path: str = "*"
    """A glob, a prefix, or `re:` and a regular expression; of the path without query."""
    method: str | None = None
    """HTTP method; None: any."""
    origin: str | None = None
    """`main` or `other`; None: both."""
    times: int | None = None
    """How often it strikes; None: until it is removed."""
    after: int = 0
    """Matching requests that pass before the first strike."""
    every: int = 1
    """Strikes at each n-th of the matching requests that follow."""
    probability: float = 1.0
    """Chance of each strike, drawn from `seed` and the number of the request."""
    seed: int = 0
    """Seed of the chance."""
    per_path: bool = False
    """`times`, `after` and `every` count for each path by itself: each product fails once."""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    """What the kind takes; see `KINDS`."""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"no fault is called {self.kind!r}; there are {', '.join(KINDS)}")
        unknown = set(self.parameters) - set(KINDS[self.kind])
        if unknown:
            raise ValueError(f"{self.kind} takes {sorted(KINDS[self.kind])}, not {sorted(unknown)}")
        if self.path.startswith("re:"):
            try:
                re.compile(self.path[3:])
            except re.error as error:
                raise ValueError(f"bad regular expression in {self.path!r}: {error}") from error
        if self.every < 1 or self.after < 0 or not 0 <= self.probability <= 1:
            raise ValueError("every is at least 1, after at least 0, probability from 0 to 1")
        if self.kind == "redirect" and self["target"] not in REDIRECT_TARGETS:
            raise ValueError(f"redirect has the targets {REDIRECT_TARGETS}, not {self['target']!r}")

    def __getitem__(self, parameter: str) -> Any:
        return self.parameters.get(parameter, KINDS[self.kind][parameter])

    def matches(self, *, path: str, method: str, origin: str, query: str = "") -> bool:
        """Tell whether a request is one of those meant."""
        if self.kind == "redirect" and HOP_MARK in query:
            return False
        return (
            (self.method is None or self.method.upper() == method)
            and (self.origin is None or self.origin == origin)
            and path_matches(self.path, path)
        )

    def strikes(self, seen: int) -> bool:
        """Tell whether it strikes at the matching request with this number (from 0), `times` aside."""
        if seen < self.after or (seen - self.after) % self.every:
            return False
        if self.probability >= 1:
            return True
        return random.Random(f"{self.seed}:{seen}").random() < self.probability

    def to_dict(self) -> dict[str, Any]:
        """Return the order as plain JSON values; `Fault(**that)` is equal to it."""
        return {**asdict(self), "parameters": dict(self.parameters)}


@dataclass(frozen=True)
class Fired:
    """A fault that strikes a request now."""

    fault: Fault
    number: int
    """1 for its first strike, 2 for the second ..."""


@dataclass
class _Order:
    fault: Fault
    seen: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)


class FaultBook:
    """The orders in force, thread-safe. Several may strike one request: the first is the outermost."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._orders: dict[str, _Order] = {}

    def add(self, *faults: Fault) -> list[str]:
        """Put orders in force and return their identifiers."""
        with self._lock:
            names = [f"fault-{next(self._numbers)}" for _ in faults]
            self._orders.update({name: _Order(fault) for name, fault in zip(names, faults, strict=True)})
            return names

    def remove(self, *names: str) -> None:
        """Withdraw orders; unknown identifiers are passed over."""
        with self._lock:
            for name in names:
                self._orders.pop(name, None)

    def clear(self) -> None:
        """Withdraw all orders."""
        with self._lock:
            self._orders.clear()

    @contextmanager
    def active(self, *faults: Fault) -> Iterator[list[str]]:
        """Keep orders in force while the block runs."""
        names = self.add(*faults)
        try:
            yield names
        finally:
            self.remove(*names)

    def listing(self) -> list[dict[str, Any]]:
        """Return each order with its identifier, and how often it was seen and struck."""
        with self._lock:
            return [
                {
                    "id": name,
                    **order.fault.to_dict(),
                    "seen": order.seen.total(),
                    "struck": order.struck.total(),
                }
                for name, order in self._orders.items()
            ]

    def struck(self, name: str) -> int:
        """Return how often an order has struck; 0 for one that is unknown."""
        with self._lock:
            return self._orders[name].struck.total() if name in self._orders else 0

    def fire(self, *, path: str, method: str, origin: str, query: str = "") -> list[Fired]:
        """Count a request and return the faults that strike it."""
        fired = []
        with self._lock:
            for order in self._orders.values():
                fault = order.fault
                if not fault.matches(path=path, method=method, origin=origin, query=query):
                    continue
                key = path if fault.per_path else ""
                seen = order.seen[key]
                order.seen[key] += 1
                if fault.times is not None and order.struck[key] >= fault.times:
                    continue
                if fault.strikes(seen):
                    order.struck[key] += 1
                    fired.append(Fired(fault, order.struck[key]))
        return fired
