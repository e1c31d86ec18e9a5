"""Sends an object's content, with the headers by which clients check it."""

from eoflows.sandbox.cloud_storage.objects import StoredObject, crc32c_text, md5_text
from eoflows.sandbox.cloud_storage.settings import CloudStorageSettings
from eoflows.sandbox.delivery import ContentResponse

__all__ = ["ObjectResponse"]


class ObjectResponse(ContentResponse):
    """An object's content, whole or the range asked for."""

    def __init__(self, found: StoredObject, settings: CloudStorageSettings) -> None:
        super().__init__(found, found.name.rpartition("/")[2], found.updated)
        del self._fields["content-disposition"]
        self._fields |= {
            "etag": f'"{found.etag}"',
            "x-goog-generation": str(found.generation),
            "x-goog-metageneration": str(found.metageneration),
            "x-goog-storage-class": "STANDARD",
            "x-goog-stored-content-encoding": "identity",
            "x-goog-stored-content-length": str(found.size),
        }
        named = {"contentType": "content-type", "cacheControl": "cache-control"}
        for field, header in named.items():
            if field in found.fields:
                self._fields[header] = str(found.fields[field])
        if settings.hash_header != "none":
            self._fields["x-goog-hash"] = _hashes(found, settings)


def _hashes(found: StoredObject, settings: CloudStorageSettings) -> str:
    if settings.hash_header == "wrong":
        other = found.data + b"?"
        return f"crc32c={crc32c_text(other)},md5={md5_text(other)}"
    tells_md5 = found.components is None or settings.composite_md5
    return f"crc32c={found.crc32c}" + (f",md5={found.md5_hash}" if tells_md5 else "")
