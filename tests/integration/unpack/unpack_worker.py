"""Unpacks an item in a process of its own, which kills itself at a chosen point.

    python unpack_worker.py FOLDER STORAGE POINT

STORAGE is `local`, or an endpoint and bucket `http://host:port/bucket`; POINT is one of `POINTS`, or
`never`. Prints the outcome.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from eoflows.products.unpack import CataloguedUnpacking, Unpacker, job, limits, workplace
from eoflows.stores.catalog import LocalCatalog
from eoflows.stores.storage import LocalStorage, ObjectStorage, Storage
from eoflows.stores.transfer import S3Bucket

COLLECTION = "o:c"
POINTS = {
    "extracting": (limits.Meter, "add", 9),
    "extracted": (job.Job, "note", 1),
    "noted": (job.Job, "place", 1),
    "placing": (None, "put", 4),
    "placed": (LocalCatalog, "upsert", 1),
    "catalogued": (None, "delete", 1),
    "removed": (workplace.Workplace, "clear", 2),
}
"""By name: the class, the method, and which call of it is the last thing that happens."""


def storage_at(folder: Path, place: str) -> Storage:
    if place == "local":
        return LocalStorage(folder / "storage")
    endpoint, _, bucket = place.rpartition("/")
    keys = S3Bucket(bucket, endpoint=endpoint, access_key="key", secret_key=SecretStr("secret"))
    return ObjectStorage(keys, folder / "spool", prefix="staged")


def kill_at(owner: Any, name: str, call: int) -> None:
    original: Callable[..., Any] = getattr(owner, name)
    calls = 0

    def counted(*args: Any, **options: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*args, **options)

    setattr(owner, name, counted)


async def main(folder: Path, place: str, point: str) -> None:
    storage = storage_at(folder, place)
    if point != "never":
        owner, name, call = POINTS[point]
        kill_at(owner or type(storage), name, call)
    async with LocalCatalog(folder / "catalog.sqlite") as catalog:
        unpacking = CataloguedUnpacking(catalog, COLLECTION, Unpacker(storage, "o", patience=60))
        for record in await unpacking.unpack(["i"]):
            print(record.outcome, record.reason)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3]))
    sys.stdout.flush()
    # obstore's threads sometimes abort an interpreter that is ending, when all is done.
    os._exit(0)
