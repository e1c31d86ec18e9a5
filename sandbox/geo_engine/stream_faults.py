"""What can go wrong on a stream after it has opened.

| kind | what the client sees | parameters (default) |
|---|---|---|
| drop | the connection ends without a close frame | message, at_once (False), reset (False) |
| close | a close frame | message, code (1011), reason ("sandbox"), at_once (False) |
| stall | nothing, though the connection lives | message, seconds (60) |
| slow | this and each later message comes late | message, seconds (0.2) |
| truncate | a message that is cut | message, keep fraction (0.5) |
| duplicate | a message twice | message |
| missing | a message is left out | message |
| swap | a message changes places with the next | message |
| text | the error as a text, as servers before 0.9 send it, then close 1000 | message, text ("sandbox") |

`message` (0) counts from 0; the fault strikes in its place. The number of all messages is allowed too: it
strikes in the place of the good end. What replaces a message answers a NEXT, as the message would have; with
`at_once` the fault comes right after the message before it, and meets a client that is about to ask.

Refused upgrades are ordered from the fault book itself: throttle, unavailable, server_error, forbidden,
expired_token, error_page, latency, hang, reset.
"""

from collections.abc import Mapping
from typing import Any

from eoflows.sandbox.faults import Fault

__all__ = ["BEHAVIOUR_KEY", "STREAM_KINDS", "completed", "stream_fault"]

BEHAVIOUR_KEY = "stream"
STREAM_KINDS: Mapping[str, Mapping[str, Any]] = {
    "drop": {"message": 0, "at_once": False, "reset": False},
    "close": {"message": 0, "code": 1011, "reason": "sandbox", "at_once": False},
    "stall": {"message": 0, "seconds": 60.0},
    "slow": {"message": 0, "seconds": 0.2},
    "truncate": {"message": 0, "keep": 0.5},
    "duplicate": {"message": 0},
    "missing": {"message": 0},
    "swap": {"message": 0},
    "text": {"message": 0, "text": "sandbox"},
}
"""Parameters of each kind, with their defaults."""


def stream_fault(
    kind: str,
    *,
    path: str = "*Stream",
    times: int | None = None,
    after: int = 0,
    every: int = 1,
    per_path: bool = False,
    **parameters: Any,
) -> Fault:
    """Return an order for the fault book: this shall go wrong on those connections.

    Args:
        kind: One of `STREAM_KINDS`.
        path: Which streams, as in `Fault`.
        times: How many connections it strikes; None: all until it is removed.
        after: Connections that pass before the first strike.
        every: Strikes each n-th of the connections that follow.
        per_path: `times`, `after` and `every` count for each path by itself.
        parameters: What the kind takes.

    Raises:
        ValueError: The kind or a parameter is unknown.
    """
    order = {"kind": kind, **parameters}
    completed(order)
    return Fault(
        "behave",
        path=path,
        times=times,
        after=after,
        every=every,
        per_path=per_path,
        parameters={"settings": {BEHAVIOUR_KEY: order}},
    )


def completed(order: Mapping[str, Any]) -> dict[str, Any]:
    """Return an order with the defaults of its kind.

    Raises:
        ValueError: The kind or a parameter is unknown.
    """
    kind = order.get("kind", "")
    if kind not in STREAM_KINDS:
        raise ValueError(f"no stream fault is called {kind!r}; there are {', '.join(STREAM_KINDS)}")
    if unknown := set(order) - {"kind"} - set(STREAM_KINDS[kind]):
        raise ValueError(f"{kind} takes {sorted(STREAM_KINDS[kind])}, not {sorted(unknown)}")
    return {**STREAM_KINDS[kind], **order}
