"""One large object into S3 (moto): seconds, and the memory that it takes us."""

import asyncio
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from benchmarks.transfers.ours import peak
from eokit.storage import ObjectStorage
from eokit.transfer import S3Bucket

__all__ = ["PUT", "put"]

PUT = "put6g"
SIZE = 6_000_000_000
MOST_RSS = 200
NEEDED_MEMORY_KB = 20_000_000
_SERVER = """
import sys
from moto.server import ThreadedMotoServer
server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
server.start()
print("%s:%s" % server.get_host_and_port(), flush=True)
sys.stdin.read()
server.stop()
"""


def put() -> list[str]:
    """Put the object, print a line, and give the targets that were missed."""
    if _free_memory() < NEEDED_MEMORY_KB:
        raise SystemExit(
            f"{PUT}: moto keeps the object in memory; {NEEDED_MEMORY_KB // 1_000_000} GB are needed"
        )
    command = [sys.executable, "-c", _SERVER]
    with (
        tempfile.TemporaryDirectory() as folder,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server,
    ):
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            given = {"endpoint": f"http://{server.stdout.readline().strip()}", "folder": folder, "size": SIZE}
            figures = _in_process(given)
        finally:
            server.stdin.close()
    print(
        f"one object of {SIZE / 1e9:g} GB into S3: {figures['wall']:.1f} s, {figures['cpu']:.1f} CPU s, "
        f"{figures['rss']:.0f} MB at the peak",
        flush=True,
    )
    if figures["rss"] < MOST_RSS:
        return []
    return [f"{PUT}: {figures['rss']:.0f} MB at the peak, less than {MOST_RSS} are wanted"]


def _free_memory() -> int:
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("MemAvailable:"))


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
    async with httpx.AsyncClient(trust_env=False) as client:
        (await client.put(f"{given['endpoint']}/bench")).raise_for_status()
    keys = {"access_key": "key", "secret_key": SecretStr("secret")}
    bucket = S3Bucket("bench", endpoint=given["endpoint"], **keys)
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
    print(json.dumps(asyncio.run(measure(json.load(sys.stdin)))))
