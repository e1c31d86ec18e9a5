"""Servers and an engine set up for tests: short waits, loopback allowed."""

import asyncio
import hashlib
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_server import HostileServer

from eoflows.base.http import AddressPolicy, Keyring, Origin, RetryPolicy
from eoflows.stores.transfer import Checksum, Download, TransferEngine, TransferSettings, wire


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def server() -> Iterator[HostileServer]:
    server = HostileServer()
    yield server
    server.close()


@pytest.fixture
def other() -> Iterator[HostileServer]:
    server = HostileServer()
    yield server
    server.close()


@pytest.fixture
def engine_for() -> Callable[..., TransferEngine]:
    def make(
        *servers: HostileServer,
        keyring: Keyring | None = None,
        attempts: int = 4,
        base: float = 0.02,
        slot: Any = None,
        clock: Callable[[], float] = time.monotonic,
        **options: Any,
    ) -> TransferEngine:
        policy = AddressPolicy(Origin.of(server.url) for server in servers)
        retry = RetryPolicy(attempts=attempts, base=base, longest=max(base, 5.0))
        settings = TransferSettings(**({"threads": 2} | options))
        return TransferEngine(settings, keyring or Keyring(), policy, retry, slot, clock)

    return make


class StallClock:
    """An engine's seconds: they pass when a server of the test lets them, and as good as not by themselves.

    A busy machine makes no stall by it, and one that is wanted costs no time.
    """

    def __init__(self) -> None:
        self.passed = 0.0
        self._looks, self._arrived = 0, 0

    def __call__(self) -> float:
        self._looks += 1
        return self.passed + 2 * _TICK * self._looks

    def progress(self, size: int) -> None:
        """Learn from the engine what has arrived."""
        self._arrived = size

    async def let_pass(self, seconds: float, *, arrived: int) -> None:
        """Go on as soon as so many bytes have been seen to arrive."""
        while self._arrived < arrived:  # noqa: ASYNC110 - another thread sees it
            await asyncio.sleep(0.001)
        self.passed += seconds


_TICK = 0.01


@pytest.fixture
def stall_clock(monkeypatch: pytest.MonkeyPatch) -> StallClock:
    monkeypatch.setattr(wire, "_TICK", _TICK)
    return StallClock()


@pytest.fixture
def want(tmp_path: Path) -> Callable[..., Download]:
    """A download of known bytes into the test's folder."""

    def make(body: bytes | None, *urls: str, name: str = "product.zip", **options: Any) -> Download:
        promised: dict[str, Any] = {}
        if body is not None:
            promised = {"size": len(body), "checksums": (Checksum("md5", hashlib.md5(body).digest()),)}
        return Download(urls, tmp_path / "out" / name, **(promised | options))

    return make
