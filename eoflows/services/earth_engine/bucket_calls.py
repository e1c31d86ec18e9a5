"""Cloud Storage's JSON API: requests described, and answers read; generations are named."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from eoflows.base.errors import ContractError
from eoflows.jobs.service import Call
from eoflows.services.earth_engine.shards import StoredObject
from eoflows.stores.transfer import Checksum

__all__ = ["BucketCalls", "read_object", "read_page"]

_FIELDS = "name,size,crc32c,generation"


class BucketCalls:
    """What can be asked of a bucket.

    Args:
        url: Origin of the service, like `https://storage.googleapis.com`.
        bucket: The bucket.
    """

    def __init__(self, url: str, bucket: str) -> None:
        self._url, self.bucket = url.rstrip("/"), bucket

    def _objects(self, root: str = "") -> str:
        return f"{self._url}{root}/storage/v1/b/{quote(self.bucket, safe='')}/o"

    def _object(self, name: str) -> str:
        return f"{self._objects()}/{quote(name, safe='')}"

    def listing(self, prefix: str, page: str = "") -> Call:
        """Describe the question for the objects whose names begin with a text."""
        params = {"prefix": prefix, "fields": f"nextPageToken,items({_FIELDS})", "maxResults": "1000"}
        return Call("GET", self._objects(), params=params | ({"pageToken": page} if page else {}))

    def about(self, name: str) -> Call:
        """Describe the question for an object's size, checksum and generation."""
        return Call("GET", self._object(name), params={"fields": _FIELDS})

    def content(self, name: str) -> Call:
        """Describe the question for an object's bytes."""
        return Call("GET", self._object(name), params={"alt": "media"})

    def content_url(self, one: StoredObject) -> str:
        """Give the URL of the bytes of one generation."""
        return f"{self._object(one.name)}?alt=media&generation={one.generation}"

    def upload(self, name: str, document: Any, generation: int | None) -> Call:
        """Describe how a JSON document is written.

        Args:
            name: Name of the object.
            document: JSON values.
            generation: What must be there now, 0 for nothing; None: whatever is there.
        """
        params = {"uploadType": "media", "name": name, "fields": _FIELDS}
        if generation is not None:
            params["ifGenerationMatch"] = str(generation)
        return Call("POST", self._objects("/upload"), json=document, params=params)

    def deletion(self, one: StoredObject) -> Call:
        """Describe how one generation of an object is removed, and no other."""
        generation = str(one.generation)
        return Call("DELETE", self._object(one.name), params={"ifGenerationMatch": generation})


def read_object(document: Any, *, url: str = "") -> StoredObject:
    """Read what the service says of an object.

    Raises:
        ContractError: It says less than it must.
    """
    try:
        crc = document.get("crc32c")
        return StoredObject(
            name=str(document["name"]),
            size=int(document["size"]),
            checksum=Checksum.crc32c(crc) if crc else None,
            generation=int(document["generation"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ContractError(f"the description of an object cannot be read: {error!r}", url=url) from error


def read_page(document: Any, *, url: str = "") -> tuple[list[StoredObject], str]:
    """Read a page of a list: objects, and the token of the next page or nothing.

    Raises:
        ContractError: It is no list.
    """
    if not isinstance(document, Mapping):
        raise ContractError("the bucket's list is no JSON object", url=url)
    return [read_object(one, url=url) for one in document.get("items", ())], str(
        document.get("nextPageToken") or ""
    )
