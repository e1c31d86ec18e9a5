"""Assets in an S3 bucket: spooled locally, verified there, then put whole."""

import hashlib
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from datetime import UTC, timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import anyio

from eoflows.base.errors import (
    EoError,
    IntegrityError,
    OccupiedError,
    StorageError,
    UnreachableError,
    UnsafeNameError,
)
from eoflows.base.files.leftovers import sweep_folder
from eoflows.stores.storage.base import Existing, StoredObject, Versioned
from eoflows.stores.storage.budget import Budget
from eoflows.stores.storage.leases import leased
from eoflows.stores.storage.names import MOST_KEY_BYTES, check_key, is_foreign
from eoflows.stores.transfer.checksums import Checksum
from eoflows.stores.transfer.s3 import S3Bucket

if TYPE_CHECKING:
    from obstore import Attributes, ObjectMeta

__all__ = ["ObjectStorage"]

_SINGLE_PUT = 64 << 20
_CHUNK = 8 << 20
_MOST_PARTS = 9000
# Bytes of all puts at one time that may be in memory.
_MEMORY = 96 << 20
_PARALLEL = 3
_PAUSE = 1.0
_BLOCK = 1 << 20
_PAGE = 1000
_META = "checksum"


class ObjectStorage:
    """One object per key, in a bucket; its checksum is kept in the object's metadata.

    Parts of uploads that a dead run left in the bucket are not visible here: give the bucket a
    lifecycle rule for incomplete multipart uploads.

    Args:
        bucket: Where the objects are.
        spool: Local folder where downloads end before they are put; a private one per bucket.
        prefix: Path inside the bucket under which all keys are.
        existing: What to do when a key holds other bytes.
        lease: Seconds that a claim outlives its owner. The clocks of hosts must differ by much less.
    """

    def __init__(
        self,
        bucket: S3Bucket,
        spool: Path,
        *,
        prefix: str = "",
        existing: Existing = Existing.REPLACE,
        lease: float = 30.0,
    ) -> None:
        self.bucket, self._spool, self._lease = bucket, spool.expanduser().resolve(), lease
        self._prefix = "/".join(check_key(prefix.strip("/"))) if prefix.strip("/") else ""
        self._existing = existing
        self._store = bucket.open(prefix=self._prefix or None)
        self._budget = Budget(_MEMORY)

    def href(self, key: str) -> str:
        """Give the `s3://` URL."""
        check_key(key)
        whole = f"{self._prefix}/{key}" if self._prefix else key
        if len(whole.encode()) > MOST_KEY_BYTES:
            raise UnsafeNameError(f"{whole[:80]!a}... is longer than the {MOST_KEY_BYTES} bytes of S3")
        return f"s3://{self.bucket.bucket}/{whole}"

    @property
    def workshop(self) -> Path:
        """The spool folder."""
        return self._spool

    def spool(self, key: str) -> Path:
        """Give the file in the spool folder where this key's bytes should land."""
        digest = hashlib.blake2b("/".join(check_key(key)).encode(), digest_size=20)
        return self._spool / digest.hexdigest()

    async def stat(self, key: str) -> StoredObject | None:
        """Describe the object, with the checksum that its metadata tell."""
        import obstore  # noqa: PLC0415

        with _errors(self.href(key)):
            try:
                answer = await obstore.get_async(self._store, key, options={"head": True})
            except (FileNotFoundError, obstore.exceptions.NotFoundError):
                return None
            return _described(key, answer.meta, _known(answer.attributes))

    async def put(
        self, spooled: Path, key: str, size: int, checksum: Checksum | None, *, replace: bool = True
    ) -> str:
        """Upload a verified file: up to 64 MiB in one conditional request, above in parts."""
        href = self.href(key)
        path = anyio.Path(spooled)
        try:
            found = (await path.stat()).st_size
        except FileNotFoundError:
            return await self._taken_by_other(key, size, checksum)
        if found != size:
            raise IntegrityError("size", size, found, where=str(spooled))
        with _errors(href):
            if size <= _SINGLE_PUT:
                await self._put_whole(spooled, key, size, checksum, replace)
            elif replace:
                await self._put_parts(spooled, key, size, checksum, replace)
            else:
                # An upload in parts has no condition: who must not replace works alone.
                await self._put_alone(spooled, key, size, checksum)
        await path.unlink(missing_ok=True)
        return href

    async def save(self, key: str, content: bytes) -> str:
        """Put a small object."""
        with _errors(self.href(key)):
            await self._put_whole(content, key, len(content), Checksum.of_bytes(content), replace=True)
        return self.href(key)

    def claim(self, key: str, note: str) -> AbstractAsyncContextManager[str | None]:
        """Keep a lease: an object `_leases/...json`, renewed as long as the body lasts."""
        digest = hashlib.blake2b("/".join(check_key(key)).encode(), digest_size=20)
        return leased(self, f"_leases/{digest.hexdigest()}.json", note, self._lease)

    async def _put_whole(
        self, body: Path | bytes, key: str, size: int, checksum: Checksum | None, replace: bool
    ) -> None:
        import obstore  # noqa: PLC0415

        async def send(mode: Literal["create", "overwrite"]) -> None:
            async with self._budget.take(size):
                options: Any = {"attributes": _known_as(checksum), "mode": mode, "use_multipart": False}
                await obstore.put_async(self._store, key, body, **options)

        try:
            await send("create")
        except obstore.exceptions.AlreadyExistsError:
            if not await self._holds(key, size, checksum, replace):
                await send("overwrite")

    async def _put_alone(self, spooled: Path, key: str, size: int, checksum: Checksum | None) -> None:
        while True:
            async with self.claim(key, "put") as other:
                if other is None:
                    await self._put_parts(spooled, key, size, checksum, replace=False)
                    return
            await anyio.sleep(_PAUSE)

    async def _put_parts(
        self, spooled: Path, key: str, size: int, checksum: Checksum | None, replace: bool
    ) -> None:
        import obstore  # noqa: PLC0415

        if await self._holds(key, size, checksum, replace):
            return
        chunk = max(_CHUNK, -(-size // _MOST_PARTS))
        async with self._budget.take(chunk * _PARALLEL):
            await obstore.put_async(
                self._store,
                key,
                spooled,
                attributes=_known_as(checksum),
                use_multipart=True,
                chunk_size=chunk,
                max_concurrency=_PARALLEL,
            )

    async def _holds(self, key: str, size: int, checksum: Checksum | None, replace: bool) -> bool:
        """Whether the key has these bytes; if it has others, whether they may go."""
        there = await self.stat(key)
        if there is None:
            return False
        if checksum is not None and (there.size, there.checksum) == (size, checksum):
            return True
        if self._existing is Existing.REFUSE or not replace:
            raise OccupiedError(
                f"{self.href(key)} holds other bytes ({there.size}, {there.checksum}) than the new ones "
                f"({size}, {checksum}); delete it, or allow this storage to replace"
            )
        return False

    async def _taken_by_other(self, key: str, size: int, checksum: Checksum | None) -> str:
        """The spooled file is gone: another run with the same product was faster, or something is wrong."""
        there = await self.stat(key)
        if there is None or checksum is None or (there.size, there.checksum) != (size, checksum):
            raise StorageError(
                f"the spooled file of {self.href(key)} is gone and nobody stored it; run again"
            )
        return self.href(key)

    async def read(self, key: str) -> AsyncIterator[bytes]:
        """Give the object's bytes, about 1 MB at a time."""
        import obstore  # noqa: PLC0415

        with _errors(self.href(key)):
            answer = await obstore.get_async(self._store, key)
            async for block in answer.stream(min_chunk_size=_BLOCK):
                yield bytes(block)

    async def load(self, key: str) -> Versioned | None:
        """Give a small object with its version, or None if there is none."""
        import obstore  # noqa: PLC0415

        with _errors(self.href(key)):
            try:
                answer = await obstore.get_async(self._store, key)
            except (FileNotFoundError, obstore.exceptions.NotFoundError):
                return None
            return Versioned(bytes(await answer.bytes_async()), str(answer.meta["e_tag"]))

    async def swap(self, key: str, version: str | None, body: bytes) -> bool:
        """Replace a small object if it is still the one that was read.

        Args:
            key: Its name.
            version: What `load` gave; None if there was none.
            body: The new one.

        Returns:
            Whether it was replaced; False leaves it untouched, for somebody else was faster.
        """
        import obstore  # noqa: PLC0415

        mode: Any = "create" if version is None else {"e_tag": version}
        lost = (
            *(obstore.exceptions.AlreadyExistsError, obstore.exceptions.PreconditionError),
            *(obstore.exceptions.NotFoundError, FileNotFoundError),
        )
        with _errors(self.href(key)):
            try:
                await obstore.put_async(self._store, key, body, mode=mode, use_multipart=False)
            except lost:
                return False
        return True

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove objects, in as few requests as the service allows."""
        import obstore  # noqa: PLC0415

        paths = ["/".join(check_key(key)) for key in keys]
        if paths:
            with _errors(self.href(paths[0])):
                await obstore.delete_async(self._store, paths)

    async def list(self, prefix: str = "") -> AsyncIterator[Sequence[StoredObject]]:
        """List objects, a thousand at a time."""
        import obstore  # noqa: PLC0415

        start = "/".join(check_key(prefix.strip("/"))) if prefix.strip("/") else None
        with _errors(f"s3://{self.bucket.bucket}/{start or ''}"):
            async for page in obstore.list(self._store, start, chunk_size=_PAGE):
                yield [_described(meta["path"], meta, None) for meta in page if not is_foreign(meta["path"])]

    async def sweep(self, older_than: timedelta) -> int:
        """Remove dead parts, and whole files that were spooled and never put, from the spool folder."""
        sweep = partial(sweep_folder, self._spool, older_than, parts_only=False)
        return await anyio.to_thread.run_sync(sweep)


def _described(key: str, meta: "ObjectMeta", checksum: Checksum | None) -> StoredObject:
    return StoredObject(key, meta["size"], meta["last_modified"].astimezone(UTC), checksum)


def _known_as(checksum: Checksum | None) -> "Attributes":
    return {_META: str(checksum)} if checksum else {}


def _known(attributes: "Attributes") -> Checksum | None:
    algorithm, _, digest = str(attributes.get(_META, "")).partition(":")
    try:
        return Checksum(algorithm, bytes.fromhex(digest))
    except ValueError:
        return None


@contextmanager
def _errors(href: str) -> Iterator[None]:
    """Turn obstore's errors into ours."""
    from obstore import exceptions  # noqa: PLC0415

    try:
        yield
    except exceptions.AlreadyExistsError:
        raise
    except (exceptions.BaseError, FileNotFoundError) as error:
        raise _translated(error, href) from error


def _translated(error: Exception, href: str) -> EoError:
    from obstore import exceptions  # noqa: PLC0415

    match error:
        case exceptions.NotFoundError() | FileNotFoundError():
            return StorageError(f"{href} is not there")
        case exceptions.PermissionDeniedError() | exceptions.UnauthenticatedError():
            return StorageError(f"{href}: the bucket's keys are not accepted; correct them in its block")
        case _:
            reason = str(error).strip().partition("\n")[0][:200]
            return UnreachableError(f"object store: {reason}", url=href)
