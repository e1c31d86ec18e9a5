"""Verified downloads beside google-cloud-storage's transfer_manager, and conversion's memory at two sizes.

    python -m benchmarks.earth_engine [--files 12] [--megabytes 40] [--repeats 5] [--layers 12] [--json]

Both fetch the same objects from the same local server, several files at a time. transfer_manager checks
each file's hash, and writes under its final name; ours compares size and CRC32C with the bucket's list,
takes up what was cut, and renames. The repeats are interleaved; the figures are the
median and, in brackets, the least and the most. The folder is in memory where there is `/dev/shm`.

Conversion runs in a process of its own per size, whose peak of memory is the kernel's figure (VmHWM).
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eoflows.sandbox import Sandbox, SandboxSettings
from eoflows.services.earth_engine import GCSStore

BUCKET = "eo-bucket"
SIZES = (2560, 5120)
"""Edges of the converted tiles, pixels."""

_CONVERT = """
import sys
from pathlib import Path
from eoflows.services.earth_engine import preard_to_zarr
preard_to_zarr([Path(sys.argv[1])], sys.argv[2])
status = Path("/proc/self/status").read_text()
print(status.partition("VmHWM:")[2].split()[0])
"""


def fill(box: Sandbox, files: int, megabytes: int) -> list[str]:
    """Put objects into the bucket."""
    noise = random.Random(1).randbytes(megabytes << 20)
    names = [f"PREARD/tile-{number:010d}-0000000000.tif" for number in range(files)]
    for number, name in enumerate(names):
        box.cloud_storage.store.put(
            BUCKET, name, noise[number:] + noise[:number], {"contentType": "image/tiff"}
        )
    return names


def ours(url: str, folder: Path) -> None:
    """Download as the tracker does."""

    async def work() -> None:
        async with GCSStore(BUCKET, url=url).open() as store:
            listed = await store.list("PREARD/")
            await asyncio.gather(*(store.fetch(one, folder / one.file_name) for one in listed))

    asyncio.run(work())


def theirs(url: str, folder: Path) -> None:
    """Download with transfer_manager: threads, since processes take a second to start."""
    from google.auth.credentials import AnonymousCredentials  # noqa: PLC0415
    from google.cloud import storage  # noqa: PLC0415
    from google.cloud.storage import transfer_manager  # noqa: PLC0415

    client = storage.Client(
        project="demo", credentials=AnonymousCredentials(), client_options={"api_endpoint": url}
    )
    bucket = client.bucket(BUCKET)
    names = [blob.name for blob in client.list_blobs(bucket, prefix="PREARD/")]
    results = transfer_manager.download_many_to_path(
        bucket, names, destination_directory=str(folder), worker_type=transfer_manager.THREAD, max_workers=8
    )
    failed = [one for one in results if isinstance(one, Exception)]
    if failed:
        raise failed[0]


def timed(fetch: Callable[[str, Path], None], url: str, base: Path, size: int) -> float:
    """Give MB/s of one download of everything."""
    folder = base / "to"
    folder.mkdir()
    began = time.perf_counter()
    fetch(url, folder)
    seconds = time.perf_counter() - began
    shutil.rmtree(folder)
    return size / seconds / 1e6


def downloads(base: Path, files: int, megabytes: int, repeats: int) -> dict[str, list[float]]:
    """Measure both, in turns; the first turn only warms up."""
    figures: dict[str, list[float]] = {"eoflows": [], "transfer_manager": []}
    with Sandbox(SandboxSettings(days=0)) as box:
        fill(box, files, megabytes)
        for turn in range(repeats + 1):
            for name, fetch in (("eoflows", ours), ("transfer_manager", theirs)):
                speed = timed(fetch, box.url, base, files * megabytes << 20)
                if turn:
                    figures[name].append(speed)
    return figures


def conversions(base: Path, layers: int) -> dict[int, tuple[float, float]]:
    """Give seconds and peak memory in MB by the tile's edge."""
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "unit" / "earth_engine"))
    from preard_files import make_order  # noqa: PLC0415

    figures = {}
    for edge in SIZES:
        folder = base / str(edge)
        made = make_order(folder, "tile", size=(edge, edge), edge=2560, block=256, layers=layers)
        began = time.perf_counter()
        command = [sys.executable, "-c", _CONVERT, str(made), str(folder / "x.zarr")]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        figures[edge] = (time.perf_counter() - began, int(done.stdout) / 1024)
        shutil.rmtree(folder)
    return figures


def _shown(speeds: list[float]) -> str:
    return f"{statistics.median(speeds):.0f} ({min(speeds):.0f} - {max(speeds):.0f})"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--files", type=int, default=12)
    parser.add_argument("--megabytes", type=int, default=40)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--layers", type=int, default=12)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as name:
        speeds = downloads(Path(name), given.files, given.megabytes, given.repeats)
    with tempfile.TemporaryDirectory() as name:
        peaks = conversions(Path(name), given.layers)
    ratio = statistics.median(speeds["eoflows"]) / statistics.median(speeds["transfer_manager"])
    if given.json:
        figures: dict[str, Any] = {"download_mb_per_s": speeds, "ratio": ratio, "conversion": peaks}
        print(json.dumps(figures))
        return
    print(f"{given.files} files of {given.megabytes} MB, verified: MB/s, median (least - most)")
    for who, found in speeds.items():
        print(f"  {who:18} {_shown(found)}")
    print(f"  ratio              {ratio:.2f}")
    print(f"conversion of {given.layers} layers of 8 bands to Zarr: seconds, peak of memory")
    for edge, (seconds, peak) in peaks.items():
        print(f"  {edge} x {edge}        {seconds:.1f} s, {peak:.0f} MB")


if __name__ == "__main__":
    main()
