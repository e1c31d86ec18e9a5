"""Assets in a bucket: spooled locally, verified there, then put whole."""

import hashlib
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial
from pathlib import Path

import anyio

from eoflows.base.errors import IntegrityError, OccupiedError, StorageError, UnsafeNameError
from eoflows.base.files.leftovers import sweep_folder
from eoflows.stores.storage.base import Existing, StoredObject, Versioned
from eoflows.stores.storage.buckets import ANY, Bucket
from eoflows.stores.storage.leases import leased
from eoflows.stores.storage.names import MOST_KEY_BYTES, check_key, is_foreign
from eoflows.stores.transfer.checksums import Checksum
from eoflows.stores.transfer.google import GoogleBucket
from eoflows.stores.transfer.models import TransferSettings
from eoflows.stores.transfer.s3 import S3Bucket

__all__ = ["ObjectStorage"]

_PAUSE = 1.0


class ObjectStorage:
    """One object per key, in a bucket of S3 or Cloud Storage; its checksum is kept in the object's metadata.

    Parts of uploads that a dead run left in a bucket of S3 are not visible here: give the bucket a
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
        bucket: S3Bucket | GoogleBucket,
        spool: Path,
        *,
        prefix: str = "",
        existing: Existing = Existing.REPLACE,
        lease: float = 30.0,
    ) -> None:
        self.bucket, self._spool, self._lease = bucket, spool.expanduser().resolve(), lease
        self.prefix = "/".join(check_key(prefix.strip("/"))) if prefix.strip("/") else ""
        self._existing = existing
        self._bucket = _opened(bucket, self.prefix)

    def href(self, key: str) -> str:
        """Give the `s3://` or `gs://` URL."""
        check_key(key)
        whole = f"{self.prefix}/{key}" if self.prefix else key
        if len(whole.encode()) > MOST_KEY_BYTES:
            raise UnsafeNameError(f"{whole[:80]!a}... is longer than the {MOST_KEY_BYTES} bytes of a bucket")
        return self._bucket.url + key

    @property
    def workshop(self) -> Path:
        """The spool folder."""
        return self._spool

    def spool(self, key: str) -> Path:
        """Give the file in the spool folder where this key's bytes should land."""
        return self._spool / _digest(key)

    async def stat(self, key: str) -> StoredObject | None:
        """Describe the object, with the checksum that its metadata tell."""
        self.href(key)
        return await self._bucket.head(key)

    async def put(
        self, spooled: Path, key: str, size: int, checksum: Checksum | None, *, replace: bool = True
    ) -> str:
        """Upload a verified file, if there is not the same already."""
        href = self.href(key)
        path = anyio.Path(spooled)
        try:
            found = (await path.stat()).st_size
        except FileNotFoundError:
            return await self._taken_by_other(key, size, checksum)
        if found != size:
            raise IntegrityError("size", size, found, where=str(spooled))
        if replace or self._bucket.guards(size):
            await self._put(key, spooled, size, checksum, replace)
        else:
            await self._put_alone(spooled, key, size, checksum)
        await path.unlink(missing_ok=True)
        return href

    async def save(self, key: str, content: bytes) -> str:
        """Put a small object."""
        href = self.href(key)
        await self._put(key, content, len(content), Checksum.of_bytes(content), replace=True)
        return href

    def claim(self, key: str, note: str) -> AbstractAsyncContextManager[str | None]:
        """Keep a lease: an object `_leases/...json`, renewed as long as the body lasts."""
        return leased(self, f"_leases/{_digest(key)}.json", note, self._lease)

    async def _put_alone(self, spooled: Path, key: str, size: int, checksum: Checksum | None) -> None:
        """Put where nothing is there; since the put has no condition, nobody else does so meanwhile."""
        while True:
            async with self.claim(key, "put") as other:
                if other is None:
                    await self._put(key, spooled, size, checksum, replace=False)
                    return
            await anyio.sleep(_PAUSE)

    async def _put(
        self, key: str, body: Path | bytes, size: int, checksum: Checksum | None, replace: bool
    ) -> None:
        created = await self._bucket.put(key, body, size, checksum, None)
        if created is None and not await self._holds(key, size, checksum, replace):
            await self._bucket.put(key, body, size, checksum, ANY)

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
        self.href(key)
        async for block in self._bucket.get(key):
            yield block

    async def load(self, key: str) -> Versioned | None:
        """Give a small object with its version, or None if there is none."""
        self.href(key)
        found = await self._bucket.load(key)
        return None if found is None else Versioned(*found)

    async def swap(self, key: str, version: str | None, body: bytes) -> str | None:
        """Replace a small object if it is still the one that was read."""
        self.href(key)
        return await self._bucket.put(key, body, len(body), Checksum.of_bytes(body), version)

    async def remove(self, key: str, version: str) -> bool:
        """Remove one version of an object."""
        self.href(key)
        return await self._bucket.remove(key, version)

    async def delete(self, keys: Iterable[str]) -> None:
        """Remove objects, in as few requests as the service allows."""
        paths = ["/".join(check_key(key)) for key in keys]
        if paths:
            await self._bucket.delete(paths)

    async def list(self, prefix: str = "") -> AsyncIterator[Sequence[StoredObject]]:
        """List objects, a thousand at a time."""
        async for page in self._bucket.list(prefix):
            yield [one for one in page if not is_foreign(one.key)]

    def source(self, one: StoredObject) -> str:
        """Give the object's URL, with its version in Cloud Storage."""
        self.href(one.key)
        return self._bucket.source(one)

    def reading(self, settings: TransferSettings) -> TransferSettings:
        """Add this bucket to some settings."""
        return self._bucket.reading(settings)

    async def sweep(self, older_than: timedelta) -> int:
        """Remove dead parts, and whole files that were spooled and never put, from the spool folder."""
        sweep = partial(sweep_folder, self._spool, older_than, parts_only=False)
        return await anyio.to_thread.run_sync(sweep)


def _opened(bucket: S3Bucket | GoogleBucket, prefix: str) -> Bucket:
    """Open a bucket; only the library of its service is loaded."""
    if isinstance(bucket, GoogleBucket):
        from eoflows.stores.storage.google import OpenGoogleBucket  # noqa: PLC0415

        return OpenGoogleBucket(bucket, prefix)
    from eoflows.stores.storage.s3 import OpenS3Bucket  # noqa: PLC0415

    return OpenS3Bucket(bucket, prefix)


def _digest(key: str) -> str:
    return hashlib.blake2b("/".join(check_key(key)).encode(), digest_size=20).hexdigest()
