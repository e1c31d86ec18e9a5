"""Where exports go and documents are kept: a bucket of Cloud Storage, or a folder."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from tempfile import gettempdir
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import orjson

from eoflows.base.errors import ConflictError, ContractError, InvalidInputError
from eoflows.base.http import Credentials, RetryPolicy
from eoflows.services.earth_engine.shards import StoredObject
from eoflows.stores.storage import LocalStorage, ObjectStorage, Storage, checksum_of
from eoflows.stores.storage import StoredObject as Listed
from eoflows.stores.transfer import (
    Checksum,
    Download,
    GoogleBucket,
    Slot,
    TransferEngine,
    TransferSettings,
)

if TYPE_CHECKING:
    from requests.adapters import BaseAdapter

__all__ = ["GCSStore", "LocalStore", "Objects", "OpenStore", "PreArdStore", "Versioned"]


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


@asynccontextmanager
async def _opened(
    storage: Storage, settings: TransferSettings, retry: RetryPolicy | None = None, slot: Slot | None = None
) -> AsyncIterator["OpenStorage"]:
    async with TransferEngine(storage.reading(settings), retry=retry, slot=slot) as engine:
        yield OpenStorage(storage, engine)


@dataclass(frozen=True)
class GCSStore:
    """A bucket of Google Cloud Storage.

    Attributes:
        bucket: The bucket.
        credentials: Who asks; None: nobody, as stand-ins allow.
        url: Origin of Cloud Storage.
        timeout: Seconds for each wait for an answer.
        retry: When a request is repeated.
        proxy: URL of a proxy; empty: none.
        ca_bundle: PEM file of the authorities to trust; None takes the system's.
        settings: How files are fetched.
        slot: Gives the context in which one connection to a host may be used, for files.
        adapter: Replaces the network in tests.
    """

    bucket: str
    credentials: Credentials | None = field(default=None, kw_only=True)
    url: str = field(default="https://storage.googleapis.com", kw_only=True)
    timeout: float = field(default=60.0, kw_only=True)
    retry: RetryPolicy = field(default_factory=RetryPolicy, kw_only=True)
    proxy: str = field(default="", kw_only=True)
    ca_bundle: Path | None = field(default=None, kw_only=True)
    settings: TransferSettings = field(default_factory=TransferSettings, kw_only=True)
    slot: Slot | None = field(default=None, kw_only=True)
    adapter: "BaseAdapter | None" = field(default=None, kw_only=True)

    @property
    def service(self) -> str:
        """Kind of store."""
        return "GCSStore"

    def open(self) -> AbstractAsyncContextManager["OpenStorage"]:
        """Open it."""
        bucket = GoogleBucket(
            self.bucket,
            credentials=self.credentials,
            url=self.url,
            timeout=self.timeout,
            retry=self.retry,
            proxy=self.proxy,
            ca_bundle=self.ca_bundle,
            adapter=self.adapter,
        )
        # Nothing is put from files, so nothing is spooled.
        storage = ObjectStorage(bucket, Path(gettempdir()) / "eoflows-spool")
        return _opened(storage, self.settings, self.retry, self.slot)


@dataclass(frozen=True)
class LocalStore:
    """A folder with the names of a bucket: where one is mounted, or a copy of it.

    Attributes:
        root: The folder.
        mounts: The bucket that is mounted there, whose exports appear there by themselves; empty: none is,
            and nothing can be ordered.
    """

    root: Path
    mounts: str = field(default="", kw_only=True)

    @property
    def service(self) -> str:
        """Kind of store."""
        return "LocalStore"

    @property
    def bucket(self) -> str:
        """The mounted bucket."""
        if not self.mounts:
            raise InvalidInputError(
                f"Earth Engine cannot write to {self.root}; use a GCSStore, or say in `mounts` which bucket "
                "is mounted there"
            )
        return self.mounts

    def open(self) -> AbstractAsyncContextManager["OpenStorage"]:
        """Open it."""
        return _opened(LocalStorage(self.root), TransferSettings())


class OpenStorage:
    """A storage as a store of exports and documents.

    Args:
        storage: The storage.
        engine: Fetches files from it.
    """

    def __init__(self, storage: Storage, engine: TransferEngine) -> None:
        self._storage, self._engine = storage, engine

    async def list(self, prefix: str) -> Objects:
        """Give the objects whose names begin with a text; what has no CRC32C in the list is read for it."""
        found = [one async for page in self._storage.list(prefix) for one in page]
        return [
            StoredObject(
                name=one.key,
                size=one.size,
                checksum=one.checksum or await checksum_of(self._storage, one.key, "crc32c"),
                generation=int(one.version),
            )
            for one in found
        ]

    async def read(self, name: str) -> Versioned | None:
        """Give a document."""
        found = await self._storage.load(name)
        if found is None:
            return None
        try:
            document = orjson.loads(found.body)
        except orjson.JSONDecodeError as error:
            raise ContractError(f"{self._storage.href(name)} is not JSON") from error
        if not isinstance(document, dict):
            raise ContractError(f"{self._storage.href(name)} is no JSON object")
        return Versioned(document, int(found.version))

    async def write(
        self, name: str, document: Mapping[str, Any], generation: int | None = None
    ) -> StoredObject:
        """Write a document, if what is there is what must be there."""
        body = orjson.dumps(dict(document))
        while True:
            there = await self._storage.load(name) if generation is None else None
            expected = str(generation) if generation else there.version if there else None
            made = await self._storage.swap(name, expected, body)
            if made is not None:
                checksum = Checksum.of_bytes(body, "crc32c")
                return StoredObject(name=name, size=len(body), checksum=checksum, generation=int(made))
            if generation is not None:
                raise ConflictError(f"{self._storage.href(name)} has changed meanwhile", status=412)

    async def fetch(self, one: StoredObject, path: Path) -> Path:
        """Bring one generation of an object to a local path, verified."""
        known = Listed(one.name, one.size, datetime.now(UTC), one.checksum, str(one.generation))
        promised = () if one.checksum is None else (one.checksum,)
        wanted = Download((self._storage.source(known),), path, one.size, promised, label=one.name)
        return (await self._engine.fetch(wanted)).path

    async def remove(self, one: StoredObject) -> bool:
        """Remove one generation of an object; say whether it was there."""
        there = await self._storage.stat(one.name) is not None
        if not await self._storage.remove(one.name, str(one.generation)):
            raise ConflictError(f"{self._storage.href(one.name)} has changed meanwhile", status=412)
        return there
