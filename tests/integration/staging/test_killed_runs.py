"""A run that is killed at any moment is completed by running it again."""

import asyncio
import dataclasses
import random
import signal
import subprocess
import sys
from hashlib import md5
from pathlib import Path

import pytest
from staging_process import stage

from eoflows.sandbox import Fault, Sandbox, SandboxSettings
from eoflows.sandbox.products import Product
from eoflows.stores.catalog import LocalCatalog

KILLS = 20
PRODUCTS = 200


@pytest.fixture(scope="module")
def box():
    with Sandbox(SandboxSettings(days=2)) as box:
        model = next(one for one in box.stations["auxip"].products if one.product_type == "AUX_POEORB")
        box.stations["auxip"].add(
            *(
                dataclasses.replace(model, name=f"S1A_TEST_{n:03}.EOF", product_type="TEST", size=40_000 + n)
                for n in range(PRODUCTS)
            )
        )
        yield box


def test_kill_at_twenty_moments(box: Sandbox, tmp_path: Path) -> None:
    products = {one.name: one for one in box.stations["auxip"].products if one.product_type == "TEST"}
    chance = random.Random(20)
    # Slow bodies, so that every moment is one in the middle of something.
    with box.faults.active(Fault("slow", path="/auxip/Products*", parameters={"rate": 400_000})):
        for _ in range(KILLS):
            finished = recorded(tmp_path)
            before = box.log.last
            kill_after(box, tmp_path, fetched=chance.randint(1, 14), batch=5)
            assert not fetched_since(box, before) & {products[f"{one}.EOF"].uuid for one in finished}
    finished, before = recorded(tmp_path), box.log.last
    assert finished, "no run lived long enough to publish a batch"
    summary = asyncio.run(stage(box.url, tmp_path, "TEST", 50))

    assert summary["failed"] == 0
    assert summary["already"] + summary["staged"] == PRODUCTS
    assert summary["already"] == len(finished)
    assert not fetched_since(box, before) & {products[f"{one}.EOF"].uuid for one in finished}
    check_whole(tmp_path, products)


def kill_after(box: Sandbox, state: Path, *, fetched: int, batch: int) -> None:
    """Start a run, and kill it when so many downloads were answered."""
    before = box.log.last
    script = Path(__file__).with_name("staging_process.py")
    command = [sys.executable, str(script), box.url, str(state), "TEST", str(batch)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        assert box.log.wait_for(lambda log: log.count("/auxip/Products*", since=before) >= fetched)
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL


def recorded(state: Path) -> set[str]:
    async def ids() -> set[str]:
        async with LocalCatalog(state / "catalog.sqlite") as catalog:
            return {item["id"] async for page in catalog.search(["demo:aux"]) for item in page}

    return asyncio.run(ids())


def fetched_since(box: Sandbox, sequence: int) -> set[str]:
    """Give the uuids of the products whose bodies were asked for."""
    entries = box.log.entries("/auxip/Products*", since=sequence)
    return {entry.path.partition("(")[2].partition(")")[0] for entry in entries}


def check_whole(state: Path, products: dict[str, Product]) -> None:
    """Every product once, with its bytes; no published item without its asset; no leftovers."""
    files = {path.name: path for path in (state / "storage").rglob("*") if path.is_file()}
    assert set(files) == set(products)
    for name, product in products.items():
        body = files[name].read_bytes()
        assert len(body) == product.content.size
        assert md5(body, usedforsecurity=False).hexdigest() == product.content.md5.lower()

    async def items() -> list[dict]:
        async with LocalCatalog(state / "catalog.sqlite") as catalog:
            return [item async for page in catalog.search(["demo:aux"]) for item in page]

    found = asyncio.run(items())
    assert len(found) == len(products)
    for item in found:
        (name, asset), *_ = item["assets"].items()
        assert asset["href"] == files[name].as_uri()
        assert asset["file:checksum"] == "d50110" + products[name].content.md5.lower()
