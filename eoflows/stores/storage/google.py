"""A bucket of Google Cloud Storage, by the official client, whose calls block and run in threads."""

import secrets
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import anyio

from eoflows.base.concurrency import one_error
from eoflows.base.errors import (
    AbsentError,
    ConflictError,
    ContractError,
    CredentialsError,
    IntegrityError,
    StorageError,
    UnreachableError,
)
from eoflows.stores.storage.base import StoredObject
from eoflows.stores.storage.buckets import ANY, known_as, known_checksum
from eoflows.stores.transfer.checksums import Checksum, Hasher
from eoflows.stores.transfer.google import GoogleBucket, google_errors, stretch
from eoflows.stores.transfer.google_session import repeated
from eoflows.stores.transfer.models import TransferSettings

if TYPE_CHECKING:
    from google.cloud.storage import Blob

__all__ = ["OpenGoogleBucket"]

T = TypeVar("T")
_BLOCK = 1 << 20
_CHUNK = 8 << 20
_PAGE = 1000
_THREADS = 16
_TRIES = 5
_FIELDS = "name,size,updated,crc32c,generation,metadata"
_WRITER = "writer"


class OpenGoogleBucket:
    """A bucket of Cloud Storage, opened. A version is a generation.

    Args:
        bucket: Where it is.
        prefix: Path in it under which all keys are.
    """

    def __init__(self, bucket: GoogleBucket, prefix: str) -> None:
        self._settings, self._prefix = bucket, f"{prefix}/" if prefix else ""
        self.url = f"gs://{bucket.bucket}/{self._prefix}"
        self._bucket = bucket.open()
        # Threads of our own: those that renew a token must never wait for these.
        self._threads = anyio.CapacityLimiter(_THREADS)

    async def head(self, key: str) -> StoredObject | None:
        """Describe an object; without metadata of ours, its checksum is the service's CRC32C."""
        found = await self._run(self._look, key)
        return None if found is None else replace(found.object, checksum=found.checksum)

    async def get(self, key: str) -> AsyncIterator[bytes]:
        """Give the bytes of one generation, verified when all were given."""
        one = (await self._run(self._look, key) or _absent(self.url + key)).object
        hasher = Hasher(["crc32c"])
        for start in range(0, one.size, _CHUNK):
            block = await self._run(self._stretch, one, start, min(start + _CHUNK, one.size))
            hasher.update(block)
            for at in range(0, len(block), _BLOCK):
                yield block[at : at + _BLOCK]
        _check(one, hasher.checksums()[0], self.url)

    async def load(self, key: str) -> tuple[bytes, str] | None:
        """Give a small object and its generation, verified."""
        for _ in range(_TRIES):
            found = await self._run(self._look, key)
            if found is None:
                return None
            # Another one may take its place meanwhile.
            with suppress(AbsentError):
                body = await self._run(self._stretch, found.object, 0, found.object.size)
                _check(found.object, Checksum.of_bytes(body, "crc32c"), self.url)
                return body, found.object.version
        raise UnreachableError(f"it was replaced {_TRIES} times while it was read", url=self.url + key)

    async def put(
        self, key: str, body: Path | bytes, size: int, checksum: Checksum | None, expected: str | None
    ) -> str | None:
        """Store an object: small ones in one request, others in pieces; the CRC32C is verified."""
        return await self._run(self._put, key, body, checksum, expected)

    def guards(self, size: int) -> bool:
        """Always: an upload in pieces has a condition, too."""
        return True

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove objects."""
        async with one_error(), anyio.create_task_group() as group:
            for key in keys:
                group.start_soon(self._run, self._remove, key, None)

    async def remove(self, key: str, version: str) -> bool:
        """Remove one generation of an object."""
        return await self._run(self._remove, key, version)

    async def list(self, prefix: str) -> AsyncIterator[Sequence[StoredObject]]:
        """List the objects whose keys begin with a text, a thousand at a time, with their CRC32C."""
        pages = self._pages(prefix)
        while (page := await self._run(next, pages, None)) is not None:
            yield page

    def source(self, one: StoredObject) -> str:
        """Give the URL of this generation, as Google's own tools write it."""
        return f"{self.url}{one.key}#{one.version}"

    def reading(self, settings: TransferSettings) -> TransferSettings:
        """Add this bucket to some settings."""
        known = {**settings.google_buckets, self._settings.bucket: self._settings}
        return replace(settings, google_buckets=known)

    async def _run(self, call: Callable[..., T], *args: Any) -> T:
        try:
            return await anyio.to_thread.run_sync(call, *args, limiter=self._threads)
        except CredentialsError as error:
            raise StorageError(f"{self.url}: the credentials are not accepted here: {error}") from error

    def _look(self, key: str) -> "_Seen | None":
        blob = self._bucket.blob(self._prefix + key)
        try:
            with google_errors(self.url + key):
                blob.reload(retry=None)
                return self._seen(blob)
        except AbsentError:
            return None

    def _stretch(self, one: StoredObject, start: int, end: int) -> bytes:
        name = self._prefix + one.key
        ask = partial(stretch, self._bucket, name, one.version, start, end)
        return repeated(self._settings.retry, ask)

    def _put(
        self, key: str, body: Path | bytes, checksum: Checksum | None, expected: str | None
    ) -> str | None:
        blob = self._bucket.blob(self._prefix + key, chunk_size=_CHUNK)
        writer = secrets.token_hex(8)
        blob.metadata = {**known_as(checksum), _WRITER: writer}
        options: Any = {"content_type": "application/octet-stream", "checksum": "crc32c", "retry": None}
        if expected != ANY:
            options["if_generation_match"] = int(expected or 0)
        try:
            with google_errors(self.url + key):
                if isinstance(body, Path):
                    blob.upload_from_filename(str(body), **options)
                else:
                    blob.upload_from_string(body, **options)
                return self._seen(blob).object.version
        except (ConflictError, AbsentError) as error:
            if expected == ANY or (expected is None and isinstance(error, AbsentError)):
                raise StorageError(f"{self.url} cannot take {key}: {error}") from error
        # Requests are repeated: the first may have been the one that was faster.
        found = self._look(key)
        return found.object.version if found is not None and found.writer == writer else None

    def _remove(self, key: str, version: str | None) -> bool:
        blob = self._bucket.blob(self._prefix + key)
        condition = {"if_generation_match": int(version)} if version else {}
        try:
            with google_errors(self.url + key):
                blob.delete(retry=None, **condition)
        except AbsentError:
            return True
        except ConflictError:
            return False
        return True

    def _pages(self, prefix: str) -> Iterator[Sequence[StoredObject]]:
        with google_errors(self.url + prefix):
            listing = self._bucket.list_blobs(
                prefix=self._prefix + prefix,
                page_size=_PAGE,
                fields=f"nextPageToken,items({_FIELDS})",
                retry=None,
            )
            seen = set[str]()
            for page in listing.pages:
                yield [self._seen(blob).object for blob in page]
                if listing.next_page_token in seen:
                    raise ContractError("the bucket's list goes round in circles", url=self.url + prefix)
                seen.add(listing.next_page_token)

    def _seen(self, blob: "Blob") -> "_Seen":
        """Read what the service says of an object."""
        metadata = blob.metadata or {}
        one = StoredObject(
            key=str(blob.name).removeprefix(self._prefix),
            size=int(blob.size),
            modified=blob.updated.astimezone(UTC),
            checksum=Checksum.crc32c(blob.crc32c) if blob.crc32c else None,
            version=str(int(blob.generation)),
        )
        return _Seen(one, known_checksum(metadata) or one.checksum, metadata.get(_WRITER))


@dataclass(frozen=True)
class _Seen:
    """An object with the service's CRC32C, and what our metadata say of it."""

    object: StoredObject
    checksum: Checksum | None
    writer: str | None


def _check(one: StoredObject, found: Checksum, url: str) -> None:
    if one.checksum is not None and found != one.checksum:
        raise IntegrityError("crc32c", one.checksum, found, where=url + one.key)


def _absent(href: str) -> NoReturn:
    raise StorageError(f"{href} is not there")
