"""A storage from its URL."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from eoflows.base.errors import InvalidInputError, public_url
from eoflows.stores.storage.base import Existing, Storage
from eoflows.stores.storage.local import LocalStorage
from eoflows.stores.storage.objects import ObjectStorage
from eoflows.stores.transfer.google import GoogleBucket
from eoflows.stores.transfer.s3 import S3Bucket

__all__ = ["storage_from_url"]

_KINDS: Mapping[str, type[S3Bucket | GoogleBucket]] = {"s3": S3Bucket, "gs": GoogleBucket}


def storage_from_url(
    url: str,
    *,
    bucket: S3Bucket | GoogleBucket | None = None,
    spool: Path | None = None,
    existing: Existing = Existing.REPLACE,
) -> Storage:
    """Open a storage.

    Args:
        url: An absolute folder, `file:///folder`, `s3://bucket/prefix` or `gs://bucket/prefix`.
        bucket: Who asks for the bucket, and where; its name and kind must be the URL's.
        spool: Local folder for a bucket, where downloads end before they are put.
        existing: What to do when an object exists with other bytes; a local folder always replaces.

    Raises:
        InvalidInputError: It is none of these, or something is missing.
    """
    if Path(url).is_absolute():
        return LocalStorage(Path(url))
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.strip("/"):
        return LocalStorage(Path(unquote(parts.path)))
    kind = _KINDS.get(parts.scheme)
    if kind is None or not parts.netloc:
        raise InvalidInputError(
            f"{public_url(url)!r} is no storage; give an absolute folder, file:///folder, s3://bucket/prefix "
            "or gs://bucket/prefix"
        )
    if not isinstance(bucket, kind) or bucket.bucket != parts.netloc or spool is None:
        raise InvalidInputError(
            f"{public_url(url)!r} needs the settings of bucket {parts.netloc!r} and a local spool folder"
        )
    return ObjectStorage(bucket, spool, prefix=parts.path.strip("/"), existing=existing)
