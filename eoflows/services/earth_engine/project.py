"""A project of Earth Engine: where it is, with whose credentials, and how it is opened."""

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import anyio
import httpx
import orjson

from eoflows.base.errors import ContractError, RefusedError, ThrottledError
from eoflows.base.http import AddressPolicy, Credentials, HttpClient, Keyring, Origin, RetryPolicy
from eoflows.jobs.models import JobState
from eoflows.jobs.service import Call, JobServer
from eoflows.services.earth_engine.collections import CollectionSpec
from eoflows.services.earth_engine.failures import QUEUE_FULL
from eoflows.services.earth_engine.filters import FilterLike
from eoflows.services.earth_engine.functions import functions_known, learn_functions
from eoflows.services.earth_engine.periods import Period
from eoflows.services.earth_engine.request import EarthEngineRequest
from eoflows.services.earth_engine.scenes import PAGE, Scene, read_scenes, scenes_graph
from eoflows.services.earth_engine.service import MOST_PENDING, EarthEngineService
from eoflows.services.earth_engine.tiles import Tile
from eoflows.stores.transfer import Slot, TransferEngine

__all__ = ["EarthEngineProject", "EarthEngineServer"]

_COMPUTE = 330.0
"""Seconds for an answer to a computation: the service itself gives up after five minutes (documented)."""


@dataclass(frozen=True, kw_only=True)
class EarthEngineProject:
    """A Google Cloud project with Earth Engine. Any number of them work side by side in one process.

    Attributes:
        project: Its id.
        credentials: Who asks; None: nobody, as stand-ins allow.
        name: Name under which its settings are kept; the ledger knows it by that. Empty: the project's id.
        url: Origin of Earth Engine.
        storage_url: Origin of Cloud Storage.
        pending: Operations that may wait or run at a time; None sets no limit.
        settle: Seconds after which a new operation is surely visible.
        timeout: Seconds for each wait for an answer.
        trusted: Origins that may have private addresses.
        retry: When a repeatable request is sent again.
        slot: Gives the context in which one connection to a host may be used, for files.
        transport: Replaces the network in tests.
    """

    project: str
    credentials: Credentials | None = None
    name: str = ""
    url: str = "https://earthengine.googleapis.com"
    storage_url: str = "https://storage.googleapis.com"
    pending: int | None = MOST_PENDING
    settle: float = 60.0
    timeout: float = 60.0
    trusted: Iterable[Origin] = ()
    retry: RetryPolicy = field(default_factory=RetryPolicy)
    slot: Slot | None = None
    transport: httpx.AsyncBaseTransport | None = None

    @property
    def server_name(self) -> str:
        """Name under which its settings are kept."""
        return self.name or self.project

    @property
    def keyring(self) -> Keyring:
        """Its credentials, for Earth Engine and Cloud Storage and nobody else."""
        if self.credentials is None:
            return Keyring()
        return Keyring((Origin.of(url), self.credentials) for url in (self.url, self.storage_url))

    @asynccontextmanager
    async def open(self) -> AsyncIterator["EarthEngineServer"]:
        """Open it for submission, tracking and collection."""
        service = EarthEngineService(
            self.project,
            url=self.url,
            storage_url=self.storage_url,
            settle=self.settle,
            pending=self.pending,
        )
        keyring = self.keyring
        async with HttpClient(
            keyring=keyring,
            trusted=self.trusted,
            retry=self.retry,
            timeout=self.timeout,
            transport=self.transport,
        ) as http:
            yield EarthEngineServer(
                service,
                http,
                transfer=lambda: TransferEngine(
                    keyring=keyring, policy=AddressPolicy(self.trusted), retry=self.retry, slot=self.slot
                ),
            )


class EarthEngineServer(JobServer[EarthEngineRequest]):
    """A project, opened.

    Args:
        service: Says what to ask.
        http: Client with the project's credentials; whoever opened it closes it.
        transfer: Makes the engine that fetches files with the project's credentials.
    """

    def __init__(
        self, service: EarthEngineService, http: HttpClient, *, transfer: Callable[[], TransferEngine]
    ) -> None:
        super().__init__(service, service.endpoint, http, transfer=transfer)
        self._calls, self._client = service, http

    async def send(self, request: EarthEngineRequest, token: str) -> JobState:
        """Send an export, once; see `JobServer.send`.

        Raises:
            ThrottledError: Also where the service says with another status that its queue is full.
        """
        try:
            return await super().send(request, token)
        except RefusedError as error:
            if QUEUE_FULL in str(error).lower():
                raise ThrottledError(f"the project's queue is full: {error}", status=429) from error
            raise

    async def learn(self) -> None:
        """Learn what graphs are made of, once per process."""
        if not await anyio.to_thread.run_sync(functions_known):
            answer = await self.ask(self._calls.algorithms())
            await anyio.to_thread.run_sync(lambda: learn_functions(orjson.loads(answer.content)))

    async def compute(self, expression: Any) -> Any:
        """Give the value of an expression.

        Args:
            expression: Its graph as JSON values.

        Raises:
            RefusedError: It cannot be computed.
        """
        call: Call = self._calls.computation(expression)
        document = await self._client.json(
            call.method, call.url, json=call.json, headers=call.headers, timeout=_COMPUTE
        )
        if not isinstance(document, dict) or "result" not in document:
            raise ContractError("the answer to a computation has no result", url=call.url)
        return document["result"]

    async def scenes(
        self, spec: CollectionSpec, tile: Tile, span: Period, filters: Sequence[FilterLike] = ()
    ) -> list[Scene]:
        """Give the images over a tile in a span, in order of time: one question per 5,000 images.

        Args:
            spec: The collection.
            tile: The tile.
            span: Start and end.
            filters: Which images count.
        """
        await self.learn()
        found: list[Scene] = []
        while True:
            ask = partial(scenes_graph, spec, tile, span, filters, offset=len(found))
            graph = await anyio.to_thread.run_sync(ask)
            page = read_scenes(await self.compute(graph))
            found += page
            if len(page) < PAGE:
                return found
