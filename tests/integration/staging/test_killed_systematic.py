"""A systematic run that is killed at any moment is completed by the next, and stages nothing twice."""

import asyncio
import dataclasses
import random
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from systematic_process import follow_all

from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.stores.catalog import LocalCatalog

KILLS = 8
PRODUCTS = 80


@pytest.fixture(scope="module")
def box():
    with Sandbox(SandboxSettings(days=1)) as box:
        model = box.stations["auxip"].products[0]
        box.stations["auxip"].add(
            *(
                dataclasses.replace(
                    model,
                    name=f"S1A_FOLLOWED_{n:03}.EOF",
                    product_type="FOLLOWED",
                    size=20_000,
                    published=datetime(2025, 8, 1, tzinfo=UTC) + timedelta(minutes=n),
                )
                for n in range(PRODUCTS)
            )
        )
        yield box


def test_kill_at_eight_moments(box: Sandbox, tmp_path: Path) -> None:
    chance = random.Random(8)
    with box.faults.active(Fault("slow", path="/auxip/Products*", parameters={"rate": 200_000})):
        for _ in range(KILLS):
            kill_after(box, tmp_path, fetched=chance.randint(2, 15))
    done, before = recorded(tmp_path), box.log.last
    # A source tells the time in whole seconds, and reads it once a second.
    began = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=1)
    assert done, "no run lived long enough to publish a batch"
    assert asyncio.run(follow_all(box.url, tmp_path, "FOLLOWED")) >= began
    assert len(recorded(tmp_path)) == PRODUCTS
    assert len(box.log.entries("/auxip/Products*", since=before)) <= PRODUCTS - len(done)
    files = [path for path in (tmp_path / "storage").rglob("*") if path.is_file()]
    assert len(files) == PRODUCTS


def kill_after(box: Sandbox, state: Path, *, fetched: int) -> None:
    before, script = box.log.last, Path(__file__).with_name("systematic_process.py")
    command = [sys.executable, str(script), box.url, str(state), "FOLLOWED"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:

        def begun(log) -> bool:
            return log.count("/auxip/Products*", since=before) >= fetched or process.poll() is not None

        assert box.log.wait_for(begun)
        process.send_signal(signal.SIGKILL)
        process.wait()


def recorded(state: Path) -> set[str]:
    async def ids() -> set[str]:
        async with LocalCatalog(state / "catalog.sqlite") as catalog:
            return {item["id"] async for page in catalog.search(["demo:aux"]) for item in page}

    return asyncio.run(ids())
