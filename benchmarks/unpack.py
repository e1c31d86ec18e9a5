"""Unpacking beside `zipfile.extractall` and `tarfile.extractall(filter="data")`: MB/s of output.

    python -m benchmarks.unpack [--megabytes 300] [--repeats 5] [--folder DIR] [--json]

Ours does all that a flow does in a storage: claims its folder, checks every name, counts, verifies CRC,
hashes each file with BLAKE3, writes the manifest and renames. The repeats are interleaved; the
figures are the median and, in brackets, the least and the most. The folder is in memory where there is
`/dev/shm`, so that the disk is not what is measured.
"""

import argparse
import asyncio
import io
import json
import random
import shutil
import statistics
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from eoflows.products.unpack import Unpacker
from eoflows.stores.storage import LocalStorage

_WORDS = 4000


def _text(size: int) -> bytes:
    """XML as in orbit files: about 5.5 times smaller when compressed."""
    chance = random.Random(1)
    words = [f"{chance.getrandbits(40):x}" for _ in range(_WORDS)]
    lines, length = [], 0
    while length < size:
        line = (
            f"  <OSV><TAI>{chance.choice(words)}</TAI><X unit='m'>{chance.uniform(-7e6, 7e6):.3f}</X>"
            "<VX unit='m/s'>1234.567890</VX><VY unit='m/s'>-7012.000</VY><Quality>NOMINAL</Quality></OSV>\n"
        )
        lines.append(line)
        length += len(line)
    return "".join(lines).encode()[:size]


def contents(megabytes: int) -> dict[str, list[tuple[str, bytes]]]:
    """Give the members of each kind of product, all of the same total size."""
    base, noise = _text(8 << 20), random.Random(2).randbytes(8 << 20)
    large, small, count = 25_000_000, 50_000, megabytes * 20

    def turned(data: bytes, number: int, size: int) -> bytes:
        at = number * 7919 % len(data)
        whole = data[at:] + data[:at]
        return (whole * (size // len(whole) + 1))[:size]

    big = range(max(1, megabytes // 25))
    return {
        "xml, 25 MB files": [(f"P.SAFE/a/{n}.xml", turned(base, n, large)) for n in big],
        "xml, 50 kB files": [(f"P.SAFE/a{n % 20}/{n}.xml", turned(base, n, small)) for n in range(count)],
        "noise, 25 MB files": [(f"P.SAFE/m/{n}.nc", turned(noise, n, large)) for n in big],
    }


def write_zip(path: Path, members: list[tuple[str, bytes]]) -> None:
    """Write a zip file at the usual level."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in members:
            archive.writestr(name, body)


def write_tgz(path: Path, members: list[tuple[str, bytes]]) -> None:
    """Write a compressed tar file at the usual level."""
    with tarfile.open(path, "w:gz", compresslevel=6) as archive:
        for name, body in members:
            about = tarfile.TarInfo(name)
            about.size = len(body)
            archive.addfile(about, io.BytesIO(body))


def ours(archive: Path, folder: Path) -> None:
    """Unpack as a flow does."""
    path = folder / "o" / "c" / "i" / archive.name
    path.parent.mkdir(parents=True)
    path.hardlink_to(archive)
    item: dict[str, Any] = {"id": "i", "collection": "c", "assets": {archive.name: {"href": path.as_uri()}}}
    asyncio.run(Unpacker(LocalStorage(folder), "o").unpack(item))


def standard(archive: Path, folder: Path) -> None:
    """Unpack with the standard library."""
    if archive.suffix == ".zip":
        with zipfile.ZipFile(archive) as file:
            file.extractall(folder)
        return
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")


def seconds(contender: Callable[[Path, Path], None], archive: Path, folder: Path) -> float:
    """Time one run, in a folder of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    start = time.perf_counter()
    contender(archive, folder)
    took = time.perf_counter() - start
    shutil.rmtree(folder)
    return took


def measure(archive: Path, size: int, folder: Path, repeats: int) -> dict[str, list[float]]:
    """Give MB/s of output for each contender; a first round is not counted."""
    contenders = {"ours": ours, "standard library": standard}
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(repeats + 1):
        for name, contender in contenders.items():
            took = seconds(contender, archive, folder)
            if turn:
                rates[name].append(size / took / 1e6)
    return rates


def rows(megabytes: int, repeats: int, folder: Path) -> Iterator[dict[str, Any]]:
    """Measure all, archive by archive."""
    for content, members in contents(megabytes).items():
        size = sum(len(body) for _, body in members)
        for name, write in (("P.zip", write_zip), ("P.tgz", write_tgz)):
            archive = folder / name
            write(archive, members)
            rates = measure(archive, size, folder / "out", repeats)
            row: dict[str, Any] = {
                "archive": f"{archive.suffix} {content}",
                "MB in": round(archive.stat().st_size / 1e6),
                "MB out": round(size / 1e6),
            }
            for contender, values in rates.items():
                row[contender] = [round(f(values)) for f in (statistics.median, min, max)]
            row["ratio"] = round(
                statistics.median(rates["ours"]) / statistics.median(rates["standard library"]), 2
            )
            archive.unlink()
            yield row


def main() -> None:
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.unpack", description=__doc__)
    parser.add_argument(
        "--megabytes", type=int, default=300, help="output of each archive (default: %(default)s)"
    )
    parser.add_argument("--repeats", type=int, default=5)
    memory = Path("/dev/shm")
    parser.add_argument("--folder", type=Path, default=memory if memory.is_dir() else None)
    parser.add_argument("--json", action="store_true", help="one JSON object per archive")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=given.folder) as folder:
        for row in rows(given.megabytes, given.repeats, Path(folder)):
            if given.json:
                print(json.dumps(row), flush=True)
                continue
            figures = [
                f"{name} {row[name][0]} ({row[name][1]} to {row[name][2]}) MB/s"
                for name in ("ours", "standard library")
            ]
            sizes = f"{row['MB in']} MB to {row['MB out']} MB"
            print(f"{row['archive']}, {sizes}: {', '.join(figures)}; {row['ratio']} times", flush=True)


if __name__ == "__main__":
    main()
