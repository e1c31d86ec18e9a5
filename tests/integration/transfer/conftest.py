"""Servers and an engine set up for tests: short waits, loopback allowed."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hostile_server import HostileServer

from eoflows.base.http import AddressPolicy, Keyring, Origin, RetryPolicy
from eoflows.stores.transfer import Checksum, Download, TransferEngine, TransferSettings


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
        slot: Any = None,
        **options: Any,
    ) -> TransferEngine:
        policy = AddressPolicy(Origin.of(server.url) for server in servers)
        retry = RetryPolicy(attempts=attempts, base=0.02, longest=5.0)
        settings = TransferSettings(**({"stall": 1.0, "threads": 2} | options))
        return TransferEngine(settings, keyring or Keyring(), policy, retry, slot)

    return make


@pytest.fixture
def want(tmp_path: Path) -> Callable[..., Download]:
    """A download of known bytes into the test's folder."""

    def make(body: bytes | None, *urls: str, name: str = "product.zip", **options: Any) -> Download:
        promised: dict[str, Any] = {}
        if body is not None:
            promised = {"size": len(body), "checksums": (Checksum("md5", hashlib.md5(body).digest()),)}
        return Download(urls, tmp_path / "out" / name, **(promised | options))

    return make
