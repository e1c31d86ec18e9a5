"""What a test waits for: a condition, with a limit that no busy machine reaches."""

import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from pathlib import Path
from typing import TypeVar

import anyio

T = TypeVar("T")

LIMIT = 240.0
"""Seconds after which what must come is given up; a test itself is after 300."""
PAUSE = 0.02


def until(condition: Callable[[], T], what: str, limit: float = LIMIT) -> T:
    """Wait until a condition gives something true, and return that."""
    deadline = time.monotonic() + limit
    while not (met := condition()):
        assert time.monotonic() < deadline, f"{what} did not come in {limit:.0f} s"
        time.sleep(PAUSE)
    return met


async def becomes(condition: Callable[[], T | Awaitable[T]], what: str, limit: float = LIMIT) -> T:
    """Do the same without blocking the loop; the condition may be async."""
    deadline = time.monotonic() + limit
    while True:
        answer = condition()
        met: T = await answer if isawaitable(answer) else answer
        if met:
            return met
        assert time.monotonic() < deadline, f"{what} did not come in {limit:.0f} s"
        await anyio.sleep(PAUSE)


def content(path: Path) -> str:
    """Wait for what another process writes into a file: it is there before its content is."""
    return until(lambda: path.exists() and path.read_text(), f"the content of {path.name}") or ""
