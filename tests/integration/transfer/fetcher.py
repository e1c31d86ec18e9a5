"""Fetches in a process of its own, to be killed: `fetcher.py base folder names...` (100 kB to 3 MB each)."""

import asyncio
import hashlib
import random
import sys
from pathlib import Path

from eoflows.base.http import AddressPolicy, Origin, RetryPolicy
from eoflows.stores.transfer import Checksum, Download, TransferEngine, TransferSettings


def body_of(name: str) -> bytes:
    chance = random.Random(name)
    return chance.randbytes(chance.choice([100_000, 3_000_000, 6_000_000]))


async def main(base: str, folder: Path, names: list[str]) -> None:
    policy = AddressPolicy([Origin.of(base)])
    settings = TransferSettings(threads=2, most_connections=8)
    async with TransferEngine(settings, policy=policy, retry=RetryPolicy(base=0.05)) as engine:
        jobs = []
        for name in names:
            body = body_of(name)
            promised = (Checksum("md5", hashlib.md5(body).digest()),)
            jobs.append(Download((f"{base}/{name}",), folder / name, len(body), promised))
        for end in asyncio.as_completed([engine.fetch(job) for job in jobs]):
            receipt = await end
            print(receipt.path.name, receipt.fetched, receipt.resumed_from, flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
