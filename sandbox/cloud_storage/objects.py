"""An object: its bytes, its numbers and what is told of it."""

import base64
import functools
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

import google_crc32c

__all__ = ["WRITABLE", "StoredObject", "crc32c_text", "md5_text"]

WRITABLE = (
    *("cacheControl", "contentDisposition", "contentEncoding", "contentLanguage", "contentType"),
    *("customTime", "metadata"),
)
"""Fields that a client may set."""


def crc32c_text(data: bytes) -> str:
    """Return the CRC32C as the service writes it: base64 of four bytes, big-endian."""
    return base64.b64encode(google_crc32c.value(data).to_bytes(4, "big")).decode()


def md5_text(data: bytes) -> str:
    """Return the MD5 as the service writes it: base64."""
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


@dataclass(frozen=True, kw_only=True)
class StoredObject:
    """One generation of an object."""

    bucket: str
    name: str
    data: bytes
    generation: int
    """Grows with each new content of any object."""
    metageneration: int = 1
    """Grows with each change of the fields."""
    created: datetime
    updated: datetime
    fields: Mapping[str, Any] = field(default_factory=dict)
    """What the client said of it, of `WRITABLE`."""
    components: int | None = None
    """Number of objects that it was composed of."""

    @property
    def size(self) -> int:
        """Number of bytes."""
        return len(self.data)

    @functools.cached_property
    def crc32c(self) -> str:
        """CRC32C, base64 of four bytes, big-endian."""
        return crc32c_text(self.data)

    @functools.cached_property
    def md5_hash(self) -> str:
        """MD5, base64."""
        return md5_text(self.data)

    @property
    def md5(self) -> str:
        """MD5, hexadecimal, lower case."""
        return base64.b64decode(self.md5_hash).hex()

    @property
    def etag(self) -> str:
        """Changes with each generation and each change of fields."""
        return base64.b64encode(f"{self.generation}/{self.metageneration}".encode()).decode()

    def read(self, start: int, stop: int) -> bytes:
        """Return the bytes from `start` up to, not including, `stop`."""
        return self.data[start:stop]

    def document(self, base: str, *, composite_md5: bool = False) -> dict[str, Any]:
        """Return the object's resource.

        Args:
            base: The server's address, without a slash at the end.
            composite_md5: Tell the MD5 of a composed object, too.
        """
        path = f"storage/v1/b/{self.bucket}/o/{quote(self.name, safe='')}"
        created = _text(self.created)
        document: dict[str, Any] = {
            "kind": "storage#object",
            "id": f"{self.bucket}/{self.name}/{self.generation}",
            "selfLink": f"{base}/{path}",
            "mediaLink": f"{base}/download/{path}?generation={self.generation}&alt=media",
            "name": self.name,
            "bucket": self.bucket,
            "generation": str(self.generation),
            "metageneration": str(self.metageneration),
            "contentType": "application/octet-stream",
            "storageClass": "STANDARD",
            "size": str(self.size),
            "crc32c": self.crc32c,
            "etag": self.etag,
            "timeCreated": created,
            "timeStorageClassUpdated": created,
            "timeFinalized": created,
            "updated": _text(self.updated),
            **self.fields,
        }
        if self.components is None or composite_md5:
            document["md5Hash"] = self.md5_hash
        if self.components is not None:
            document["componentCount"] = self.components
        return document


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03}Z"
