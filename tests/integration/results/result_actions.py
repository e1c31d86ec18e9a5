"""What the children of `deadly` do: they make results."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anyio
import httpx
import obstore  # noqa: F401
from pydantic import SecretStr

from eoflows.base.errors import StorageError
from eoflows.stores.results import ResultPlace
from eoflows.stores.storage import LocalStorage, ObjectStorage, Storage
from eoflows.stores.transfer import S3Bucket

KEY = "maps/one.bin"
LEASE = 4.0


def bucket_at(endpoint: str, name: str) -> str:
    """Make a bucket, if it is not there, and say where it is."""
    assert httpx.put(f"{endpoint}/{name}", trust_env=False).status_code == 200
    return f"{endpoint}/{name}"


def storage_at(where: str, folder: str, name: str, lease: float = LEASE) -> Storage:
    """A folder, or a prefix of a bucket `http://host:port/bucket`."""
    if where == "folder":
        return LocalStorage(Path(folder) / name)
    endpoint, _, bucket = where.rpartition("/")
    keys = S3Bucket(bucket, endpoint=endpoint, access_key="key", secret_key=SecretStr("secret"))
    return ObjectStorage(keys, Path(folder) / "spool", prefix=name, lease=lease)


def content_of(text: str) -> bytes:
    return text.encode() * 1000


async def make_file(
    name: str, where: str, folder: str, text: str, overwrite: bool = False, pause: float = 0.0
) -> dict[str, Any]:
    """Make a result of a text."""

    async def make(path: Path) -> Mapping[str, Any]:
        await anyio.Path(path).write_bytes(content_of(text)[:500])
        await anyio.sleep(pause)
        await anyio.Path(path).write_bytes(content_of(text))
        return {"title": text}

    done = await ResultPlace(storage_at(where, folder, name), KEY, overwrite).file({"text": text}, make)
    return {"found": done.found, "size": done.size, "checksum": done.checksum, "href": done.href}


async def replace_file(name: str, where: str, folder: str) -> dict[str, Any]:
    """Make another result of that name."""
    return await make_file(name, where, folder, "two", overwrite=True)


async def ask_and_replace_file(name: str, where: str, folder: str) -> dict[str, Any]:
    """Say what is with a third result and the old one, and replace it."""
    third = await _tried(name, where, folder, "three")
    old = await _tried(name, where, folder, "one")
    return {"old": old, "third": third, "new": await replace_file(name, where, folder)}


async def _tried(name: str, where: str, folder: str, text: str) -> str:
    try:
        return "found" if (await make_file(name, where, folder, text))["found"] else "made"
    except StorageError:
        return "refused"
