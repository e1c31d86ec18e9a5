"""Where exports go and documents are kept: a bucket of Cloud Storage."""

from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import httpx
import orjson

from eoflows.base.errors import AbsentError, ConflictError, ContractError, IntegrityError
from eoflows.base.http import AddressPolicy, Credentials, HttpClient, Keyring, Origin, RetryPolicy
from eoflows.jobs.service import Call
from eoflows.services.earth_engine.bucket_calls import BucketCalls, read_object
from eoflows.services.earth_engine.service import list_objects
from eoflows.services.earth_engine.shards import StoredObject
from eoflows.stores.transfer import Checksum, Download, Slot, TransferEngine, TransferSettings

__all__ = ["GCSStore", "Objects", "OpenStore", "PreArdStore", "Versioned"]


class Versioned(NamedTuple):
    """A document as it was read."""

    document: dict[str, Any]
    generation: int
    """Another number after each change."""


Objects = list[StoredObject]


class OpenStore(Protocol):
    """A store, opened."""

    async def list(self, prefix: str) -> Objects:
        """Give the objects whose names begin with a text, with size, CRC32C and generation."""

    async def read(self, name: str) -> Versioned | None:
        """Give a document, or None if there is none.

        Raises:
            ContractError: It is no JSON object.
        """

    async def write(
        self, name: str, document: Mapping[str, Any], generation: int | None = None
    ) -> StoredObject:
        """Write a document.

        Args:
            name: Name of the object.
            document: JSON values.
            generation: What must be there now, 0 for nothing; None: whatever is there is replaced.

        Raises:
            ConflictError: Something else is there; nothing was written.
        """

    async def fetch(self, one: StoredObject, path: Path) -> Path:
        """Bring one generation of an object to a local path, verified by size and CRC32C.

        Raises:
            IntegrityError: The bytes are not those that were listed.
            ServiceError: They cannot be had, or have changed.
        """

    async def remove(self, one: StoredObject) -> bool:
        """Remove one generation of an object; say whether it was there.

        Raises:
            ConflictError: There is another one, and it stays.
        """


class PreArdStore(Protocol):
    """A place for exports and documents."""

    @property
    def service(self) -> str:
        """Kind of store, as documents name it."""

    @property
    def bucket(self) -> str:
        """Bucket of Cloud Storage that takes exports.

        Raises:
            InvalidInputError: There is none.
        """

    def open(self) -> AbstractAsyncContextManager[OpenStore]:
        """Open it."""


@dataclass(frozen=True)
class GCSStore:
    """A bucket of Google Cloud Storage.

    Attributes:
        bucket: The bucket.
        credentials: Who asks; None: nobody, as stand-ins allow.
        url: Origin of Cloud Storage.
        timeout: Seconds for each wait for an answer.
        trusted: Origins that may have private addresses.
        retry: When a request is repeated.
        settings: How files are fetched.
        slot: Gives the context in which one connection to a host may be used, for files.
        transport: Replaces the network in tests.
    """

    bucket: str
    credentials: Credentials | None = field(default=None, kw_only=True)
    url: str = field(default="https://storage.googleapis.com", kw_only=True)
    timeout: float = field(default=60.0, kw_only=True)
    trusted: Iterable[Origin] = field(default=(), kw_only=True)
    retry: RetryPolicy = field(default_factory=RetryPolicy, kw_only=True)
    settings: TransferSettings = field(default_factory=TransferSettings, kw_only=True)
    slot: Slot | None = field(default=None, kw_only=True)
    transport: httpx.AsyncBaseTransport | None = field(default=None, kw_only=True)

    @property
    def service(self) -> str:
        """Kind of store."""
        return "GCSStore"

    @asynccontextmanager
    async def open(self) -> AsyncIterator["OpenBucket"]:
        """Open it."""
        keyring = Keyring([(Origin.of(self.url), self.credentials)] if self.credentials else [])
        http = HttpClient(
            keyring=keyring,
            trusted=self.trusted,
            retry=self.retry,
            timeout=self.timeout,
            transport=self.transport,
        )
        engine = TransferEngine(
            self.settings, keyring, AddressPolicy(self.trusted), self.retry, slot=self.slot
        )
        async with http, engine:
            yield OpenBucket(BucketCalls(self.url, self.bucket), http, engine)


class OpenBucket:
    """A bucket, opened.

    Args:
        calls: Says what to ask.
        http: Client with the bucket's credentials.
        engine: Fetches files with them.
    """

    def __init__(self, calls: BucketCalls, http: HttpClient, engine: TransferEngine) -> None:
        self._calls, self._http, self._engine = calls, http, engine

    async def list(self, prefix: str) -> Objects:
        """Give the objects whose names begin with a text."""
        return await list_objects(self._calls, prefix, self._ask)

    async def read(self, name: str) -> Versioned | None:
        """Give a document, verified by the CRC32C that comes with it."""
        try:
            answer = await self._ask(self._calls.content(name))
        except AbsentError:
            return None
        _check(answer)
        generation = answer.headers.get("x-goog-generation", "")
        document = _object(answer)
        if not generation.isdecimal():
            raise ContractError(f"{name} came without its generation", url=str(answer.url))
        return Versioned(document, int(generation))

    async def write(
        self, name: str, document: Mapping[str, Any], generation: int | None = None
    ) -> StoredObject:
        """Write a document, if what is there is what must be there."""
        try:
            answer = await self._ask(self._calls.upload(name, dict(document), generation))
        except ConflictError:
            # The first of two attempts may have written it, and its answer was lost.
            there = await self._about(name)
            if there is None or there.checksum != Checksum.of_bytes(orjson.dumps(dict(document)), "crc32c"):
                raise
            return there
        return read_object(_object(answer), url=str(answer.url))

    async def fetch(self, one: StoredObject, path: Path) -> Path:
        """Bring one generation of an object to a local path, verified."""
        promised = () if one.checksum is None else (one.checksum,)
        wanted = Download((self._calls.content_url(one),), path, one.size, promised, label=one.name)
        return (await self._engine.fetch(wanted)).path

    async def remove(self, one: StoredObject) -> bool:
        """Remove one generation of an object; say whether it was there."""
        try:
            await self._ask(self._calls.deletion(one))
        except AbsentError:
            return False
        return True

    async def _about(self, name: str) -> StoredObject | None:
        try:
            answer = await self._ask(self._calls.about(name))
        except AbsentError:
            return None
        return read_object(_object(answer), url=str(answer.url))

    async def _ask(self, call: Call) -> httpx.Response:
        return await self._http.request(
            call.method, call.url, json=call.json, params=call.params, headers=call.headers
        )


def _check(answer: httpx.Response) -> None:
    for text in answer.headers.get("x-goog-hash", "").split(","):
        name, _, value = text.strip().partition("=")
        found = Checksum.of_bytes(answer.content, "crc32c")
        if name == "crc32c" and Checksum.crc32c(value) != found:
            raise IntegrityError("crc32c", value, found, where=answer.url.path)


def _object(answer: httpx.Response) -> dict[str, Any]:
    try:
        document = orjson.loads(answer.content)
    except orjson.JSONDecodeError as error:
        raise ContractError("the answer is not JSON", url=str(answer.url)) from error
    if not isinstance(document, dict):
        raise ContractError("the answer is no JSON object", url=str(answer.url))
    return document
