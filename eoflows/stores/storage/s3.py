"""A bucket of S3, by obstore."""

import secrets
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from eoflows.base.errors import EoError, StorageError, UnreachableError
from eoflows.stores.storage.base import StoredObject
from eoflows.stores.storage.buckets import ANY, known_as, known_checksum
from eoflows.stores.storage.budget import Budget
from eoflows.stores.transfer.checksums import Checksum
from eoflows.stores.transfer.models import TransferSettings
from eoflows.stores.transfer.s3 import S3Bucket

if TYPE_CHECKING:
    from obstore import ObjectMeta

__all__ = ["OpenS3Bucket"]

_SINGLE_PUT = 64 << 20
_CHUNK = 8 << 20
_MOST_PARTS = 9000
# Bytes of all puts at one time that may be in memory.
_MEMORY = 96 << 20
_PARALLEL = 3
_BLOCK = 1 << 20
_PAGE = 1000
_WRITER, _GONE = "writer", "gone"
# Seconds after which whoever marked an object as gone takes it away no more, and after which others may
# write in its place.
_PROMPT, _DEAD = 20.0, 60.0


class OpenS3Bucket:
    """A bucket of S3, opened.

    S3 removes whatever is there, no matter which version (few servers know conditions on DELETE). So one
    version is removed in two steps: it is replaced by an empty mark, if it is still there, and then the mark
    goes. A mark counts as nothing; who finds one of a dead run writes over it.

    Args:
        bucket: Where it is.
        prefix: Path in it under which all keys are.
    """

    def __init__(self, bucket: S3Bucket, prefix: str) -> None:
        self._settings = bucket
        self.url = f"s3://{bucket.bucket}/{prefix}/" if prefix else f"s3://{bucket.bucket}/"
        self._store = bucket.open(prefix=prefix or None)
        self._budget = Budget(_MEMORY)

    async def head(self, key: str) -> StoredObject | None:
        """Describe an object."""
        found = await self._head(key)
        return None if found is None or _GONE in found[1] else found[0]

    async def _head(self, key: str) -> tuple[StoredObject, dict[str, str]] | None:
        import obstore  # noqa: PLC0415

        with _errors(self.url + key):
            try:
                answer = await obstore.get_async(self._store, key, options={"head": True})
            except (FileNotFoundError, obstore.exceptions.NotFoundError):
                return None
        metadata = {str(name): str(value) for name, value in answer.attributes.items()}
        return replace(_described(answer.meta), key=key, checksum=known_checksum(metadata)), metadata

    async def get(self, key: str) -> AsyncIterator[bytes]:
        """Give the bytes of an object; the answer to one request has those of one version."""
        import obstore  # noqa: PLC0415

        with _errors(self.url + key):
            answer = await obstore.get_async(self._store, key)
            if _GONE in answer.attributes:
                raise StorageError(f"{self.url}{key} is not there")
            async for block in answer.stream(min_chunk_size=_BLOCK):
                yield bytes(block)

    async def load(self, key: str) -> tuple[bytes, str] | None:
        """Give a small object and its version."""
        import obstore  # noqa: PLC0415

        with _errors(self.url + key):
            try:
                answer = await obstore.get_async(self._store, key)
            except (FileNotFoundError, obstore.exceptions.NotFoundError):
                return None
            if _GONE in answer.attributes:
                return None
            return bytes(await answer.bytes_async()), str(answer.meta["e_tag"])

    async def put(
        self, key: str, body: Path | bytes, size: int, checksum: Checksum | None, expected: str | None
    ) -> str | None:
        """Store an object: up to 64 MiB in one request, above in parts, whose condition is only looked at."""
        metadata = known_as(checksum)
        if size > _SINGLE_PUT:
            there = await self.head(key)
            if expected not in (ANY, there.version if there else None):
                return None
            return await self._put_parts(key, body, size, metadata)
        version = await self._put_whole(key, body, size, metadata, expected)
        if version is None and expected is None:
            found = await self._head(key)
            if found is not None and _GONE in found[1]:
                dead = time.time() - found[0].modified.timestamp() > _DEAD
                return await self._put_whole(key, body, size, metadata, found[0].version) if dead else None
        return version

    def guards(self, size: int) -> bool:
        """Whether it goes in one request: an upload in parts has no condition."""
        return size <= _SINGLE_PUT

    async def _put_whole(
        self, key: str, body: Path | bytes, size: int, metadata: dict[str, str], expected: str | None
    ) -> str | None:
        import obstore  # noqa: PLC0415

        mode: Any = {None: "create", ANY: "overwrite"}.get(expected, {"e_tag": expected})
        writer = secrets.token_hex(8)
        options: Any = {
            "attributes": {**metadata, _WRITER: writer},
            "mode": mode,
            "use_multipart": False,
        }
        wrong = obstore.exceptions
        lost = (wrong.AlreadyExistsError, wrong.PreconditionError)
        absent = () if expected in (None, ANY) else (wrong.NotFoundError, FileNotFoundError)
        with _errors(self.url + key), suppress(*lost, *absent):
            async with self._budget.take(size):
                return str((await obstore.put_async(self._store, key, body, **options))["e_tag"])
        # The library repeats requests: the first may have been the one that was faster.
        found = await self._head(key)
        return found[0].version if found is not None and found[1].get(_WRITER) == writer else None

    async def _put_parts(self, key: str, body: Path | bytes, size: int, metadata: dict[str, str]) -> str:
        import obstore  # noqa: PLC0415

        chunk = max(_CHUNK, -(-size // _MOST_PARTS))
        with _errors(self.url + key):
            async with self._budget.take(chunk * _PARALLEL):
                options: Any = {"attributes": metadata, "use_multipart": True, "chunk_size": chunk}
                put = await obstore.put_async(self._store, key, body, max_concurrency=_PARALLEL, **options)
        return str(put["e_tag"])

    async def delete(self, keys: Sequence[str]) -> None:
        """Remove objects, in as few requests as the service allows."""
        import obstore  # noqa: PLC0415

        with _errors(self.url + keys[0]):
            await obstore.delete_async(self._store, keys)

    async def remove(self, key: str, version: str) -> bool:
        """Remove one version of an object."""
        began = time.monotonic()
        if await self._put_whole(key, b"", 0, {_GONE: "yes"}, version) is None:
            return await self.head(key) is None
        if time.monotonic() - began < _PROMPT:
            await self.delete([key])
        return True

    async def list(self, prefix: str) -> AsyncIterator[Sequence[StoredObject]]:
        """List the objects whose keys begin with a text, a thousand at a time."""
        import obstore  # noqa: PLC0415

        folder = prefix.rpartition("/")[0]
        with _errors(f"{self.url}{prefix}"):
            async for page in obstore.list(self._store, folder or None, chunk_size=_PAGE):
                found = [_described(meta) for meta in page if meta["path"].startswith(prefix)]
                # Among what is empty are marks, and the folders that some programs make of empty objects.
                yield [one for one in found if one.size or await self.head(one.key) is not None]

    def source(self, one: StoredObject) -> str:
        """Give the object's URL."""
        return quote(self.url + one.key, safe=":/")

    def reading(self, settings: TransferSettings) -> TransferSettings:
        """Add this bucket to some settings."""
        return replace(settings, buckets={**settings.buckets, self._settings.bucket: self._settings})


def _described(meta: "ObjectMeta") -> StoredObject:
    modified = meta["last_modified"].astimezone(UTC)
    return StoredObject(meta["path"], meta["size"], modified, version=str(meta["e_tag"] or ""))


@contextmanager
def _errors(href: str) -> Iterator[None]:
    """Turn obstore's errors into ours."""
    from obstore import exceptions  # noqa: PLC0415

    try:
        yield
    except (exceptions.BaseError, FileNotFoundError) as error:
        raise _translated(error, href) from error


def _translated(error: Exception, href: str) -> EoError:
    from obstore import exceptions  # noqa: PLC0415

    reason = str(error).strip().partition("\n")[0][:200]
    match error:
        case exceptions.NotFoundError() | FileNotFoundError():
            return StorageError(f"{href} is not there")
        case exceptions.PermissionDeniedError() | exceptions.UnauthenticatedError():
            return StorageError(f"{href}: the bucket's keys are not accepted; correct them in its block")
        case _ if "invalid path" in reason:
            return StorageError(f"{href}: rename an object whose name cannot be read: {reason}")
        case _:
            return UnreachableError(f"object store: {reason}", url=href)
