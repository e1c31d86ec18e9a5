"""One large object into S3: seconds, and the memory that it takes us."""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from benchmarks.transfers.ours import peak
from eoflows.stores.storage import ObjectStorage
from eoflows.stores.transfer import S3Bucket

__all__ = ["PUT", "put"]

PUT = "put6g"
SIZE = 6_000_000_000
MOST_RSS = 200
SINK = Path(__file__).resolve().parents[1] / "peers" / "s3_sink.py"


def put() -> list[str]:
    """Put the object, print a line, and give the targets that were missed."""
    command = [sys.executable, str(SINK)]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as sink,
    ):
        assert sink.stdin is not None
        assert sink.stdout is not None
        try:
            given = {"endpoint": sink.stdout.readline().strip(), "folder": folder, "size": SIZE}
            figures = _in_process(given)
        finally:
            sink.stdin.close()
    print(
        f"one object of {SIZE / 1e9:g} GB into S3: {figures['wall']:.1f} s, {figures['cpu']:.1f} CPU s, "
        f"{figures['rss']:.0f} MB at the peak",
        flush=True,
    )
    if figures["rss"] < MOST_RSS:
        return []
    return [f"{PUT}: {figures['rss']:.0f} MB at the peak, less than {MOST_RSS} are wanted"]


def _in_process(given: dict[str, Any]) -> dict[str, float]:
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.transfers.put"],
        input=json.dumps(given),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    figures: dict[str, float] = json.loads(ended.stdout)
    return figures


async def measure(given: dict[str, Any]) -> dict[str, float]:
    """Make a file of zeros that takes no room, and put it."""
    secret = SecretStr("secret")
    bucket = S3Bucket("bench", endpoint=given["endpoint"], access_key="key", secret_key=secret)
    storage, key = ObjectStorage(bucket, Path(given["folder"])), "owner/collection/item/asset.zip"
    spooled = storage.spool(key)
    with spooled.open("wb") as file:
        file.truncate(given["size"])
    started, used = time.perf_counter(), time.process_time()
    await storage.put(spooled, key, given["size"], None)
    wall, cpu = time.perf_counter() - started, time.process_time() - used
    there = await storage.stat(key)
    if there is None or there.size != given["size"]:
        raise SystemExit(f"the object has not {given['size']} bytes: {there}")
    return {"wall": wall, "cpu": cpu, "rss": peak()}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(measure(json.load(sys.stdin)))), flush=True)
    # obstore's threads may abort an interpreter that ends right after a call (pyo3-async-runtimes issue 40).
    os._exit(0)
