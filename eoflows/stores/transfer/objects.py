"""Sources in S3 buckets, with the credentials that the settings give for each bucket."""

import re
import time
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from eoflows.base.errors import (
    AbsentError,
    CredentialsError,
    EoError,
    IntegrityError,
    InvalidInputError,
    ThrottledError,
    UnreachableError,
    public_url,
)
from eoflows.stores.transfer.crew import Crew
from eoflows.stores.transfer.lanes import Lane, Lanes
from eoflows.stores.transfer.models import Download, Progress, TransferSettings
from eoflows.stores.transfer.parts import Note, Part
from eoflows.stores.transfer.s3 import S3Bucket

if TYPE_CHECKING:
    from obstore import Attributes, GetOptions, GetResult
    from obstore.store import S3Store

__all__ = ["BucketSource"]

_BLOCK = 1 << 20
# The library tells the status in its message only.
_THROTTLED = re.compile(r"\b(429 Too Many Requests|503 Service Unavailable|SlowDown)\b")


class BucketSource:
    """Reads `s3://bucket/key`.

    Args:
        crew: Does the file work.
        settings: Buckets and time-outs.
        lanes: Bounds the connections.
    """

    def __init__(self, crew: Crew, settings: TransferSettings, lanes: Lanes) -> None:
        self._crew, self._settings, self._lanes = crew, settings, lanes
        self._stores: dict[str, S3Store] = {}

    async def pull(self, url: str, download: Download, part: Part, progress: Progress | None) -> None:
        """Read what is missing of the part.

        Raises:
            InvalidInputError: The bucket is not configured.
            AbsentError: There is no such object.
            CredentialsError: The keys are not enough.
            UnreachableError: It broke off; what arrived is in the part.
            IntegrityError: The object is longer than promised.
        """
        import obstore  # noqa: PLC0415  # only who uses S3 pays for the import

        parts = urlsplit(url)
        bucket = self._bucket(parts.netloc, url)
        if part.size and (part.note is None or part.note.url != public_url(url)):
            await self._crew.run(part.restart)
        if part.note is not None and part.size == part.note.total:
            return
        host, port = bucket.place
        async with self._lanes.lane(host, port) as lane, self._lanes.slot(host):
            began = time.monotonic()
            try:
                answer = await _open(self._store(bucket), parts.path.lstrip("/"), part)
                await self._take(answer, url, download, part, progress, lane)
            except (obstore.exceptions.BaseError, OSError) as error:
                raised = _translated(error, url)
                if isinstance(raised, ThrottledError):
                    # Before the next one in line is let in.
                    lane.throttled(began, 0.0)
                raise raised from error

    def _bucket(self, name: str, url: str) -> S3Bucket:
        bucket = self._settings.buckets.get(name)
        if bucket is None:
            raise InvalidInputError(
                f"{public_url(url)}: no access to bucket {name!r} is configured; add it to the source"
            )
        return bucket

    def _store(self, bucket: S3Bucket) -> "S3Store":
        store = self._stores.get(bucket.bucket)
        if store is None:
            store = self._stores[bucket.bucket] = bucket.open(stall=self._settings.stall)
        return store

    async def _take(
        self,
        answer: "GetResult",
        url: str,
        download: Download,
        part: Part,
        progress: Progress | None,
        lane: Lane,
    ) -> None:
        etag, total = answer.meta["e_tag"], answer.meta["size"]
        limit = download.limit if download.limit is not None else self._settings.most_bytes
        if not part.size:
            note = Note(public_url(url), etag, total) if etag else None
            coding = _coding(answer.attributes)
            await self._crew.run(lambda: part.plan(note, total, coding))
        elif part.note is not None and (etag, total) != (part.note.validator, part.note.total):
            raise IntegrityError("validator", part.note.validator, etag, where=download.name)
        if not part.decodes and limit is not None and total > limit:
            raise IntegrityError("size", limit, total, where=download.name)
        async for block in answer.stream(min_chunk_size=_BLOCK):
            lane.moved += len(block)
            await self._crew.run(lambda block=block: part.write([memoryview(block)]))  # type: ignore[misc]
            if part.behind:
                self._crew.submit(part.follow)
            if progress is not None:
                progress(part.size)


def _coding(attributes: "Attributes") -> str:
    """How the object says that it is packed; empty if it is not."""
    found = str(attributes.get("Content-Encoding", "")).lower()
    return "" if found in ("identity", "aws-chunked") else found


async def _open(store: "S3Store", key: str, part: Part) -> "GetResult":
    import obstore  # noqa: PLC0415

    options: GetOptions = {}
    if part.size and part.note is not None:
        options = {"range": {"offset": part.size}, "if_match": part.note.validator}
    return await obstore.get_async(store, unquote(key), options=options)


def _translated(error: Exception, url: str) -> EoError:
    from obstore import exceptions  # noqa: PLC0415

    match error:
        case exceptions.NotFoundError() | FileNotFoundError():
            return AbsentError("no such object", url=url, status=404)
        case exceptions.PermissionDeniedError() | exceptions.UnauthenticatedError():
            return CredentialsError("the bucket's keys are not accepted; correct them", url=url, status=403)
        case exceptions.PreconditionError():
            return IntegrityError("validator", "the object that was begun", "another", where=public_url(url))
        case _:
            reason = str(error).partition("\n")[0][:300]
            kind = ThrottledError if _THROTTLED.search(str(error)) else UnreachableError
            return kind(f"object store: {reason}", url=url)
