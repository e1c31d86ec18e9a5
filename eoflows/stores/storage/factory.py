"""A storage from its URL."""

from pathlib import Path
from urllib.parse import unquote, urlsplit

from eoflows.base.errors import InvalidInputError, public_url
from eoflows.stores.storage.base import Existing, Storage
from eoflows.stores.storage.local import LocalStorage
from eoflows.stores.storage.objects import ObjectStorage
from eoflows.stores.transfer.s3 import S3Bucket

__all__ = ["storage_from_url"]


def storage_from_url(
    url: str,
    *,
    bucket: S3Bucket | None = None,
    spool: Path | None = None,
    existing: Existing = Existing.REPLACE,
) -> Storage:
    """Open a storage.

    Args:
        url: An absolute folder, `file:///folder`, or `s3://bucket/prefix`.
        bucket: Endpoint and keys for `s3://`; its name must be the URL's.
        spool: Local folder for `s3://` where downloads end before they are put.
        existing: What to do when an object exists with other bytes; a local folder always replaces.

    Raises:
        InvalidInputError: It is none of these, or something is missing.
    """
    if Path(url).is_absolute():
        return LocalStorage(Path(url))
    parts = urlsplit(url)
    if parts.scheme == "file" and parts.netloc in ("", "localhost") and parts.path.strip("/"):
        return LocalStorage(Path(unquote(parts.path)))
    if parts.scheme != "s3" or not parts.netloc:
        raise InvalidInputError(
            f"{public_url(url)!r} is no storage; give an absolute folder, file:///folder or s3://bucket/prefix"
        )
    if bucket is None or bucket.bucket != parts.netloc or spool is None:
        raise InvalidInputError(
            f"{public_url(url)!r} needs the settings of bucket {parts.netloc!r} and a local spool folder"
        )

    return ObjectStorage(bucket, spool, prefix=parts.path.strip("/"), existing=existing)
