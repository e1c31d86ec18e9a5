"""Worlds drawn from a seed: sources that change, answers of every wrong form, runs at once, runs that are
ended, disks with little room. What they leave is judged by files and catalogue alone."""

import gzip
import os
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import pytest
from shifting_station import Answer, Item, Station, left_in, opened_shop, served_station

from eoflows.products.staging import ItemRecord, Outcome
from eoflows.stores.transfer.room import Disks

pytestmark = pytest.mark.anyio

CHECKED, PROVED = 36, 3000
PROMISES = ("all", "size", "none")
FAULTS = ("absent", "cut", "other bytes", "login page", "offline", "coded")
SIZES = (40, 3_000, 300_000, 1_200_000)
LOGIN = b"<!DOCTYPE html><html><title>log in</title></html>"


@dataclass
class Product:
    """A product of the station, and the versions that it has had."""

    name: str
    keys: tuple[str, ...]
    size: int
    promise: str
    version: int = 1

    def bodies(self, version: int) -> dict[str, bytes]:
        return {
            key: (f"{self.name}/{key}/{version}|".encode() * self.size)[: self.size + version]
            for key in self.keys
        }

    def item(self, station: Station, version: int) -> Item:
        """Describe a version, as if it could be had."""
        item = station.item(self.name, f"v{version}", **self.bodies(version))
        for asset in item["assets"].values():
            if self.promise != "all":
                del asset["file:checksum"]
            if self.promise == "none":
                del asset["file:size"]
        return item


@dataclass
class World:
    """A station and a folder."""

    seed: int
    station: Station
    folder: Path
    chance: random.Random = field(init=False)
    products: list[Product] = field(init=False)
    ended: int = 0

    def __post_init__(self) -> None:
        self.chance = chance = random.Random(self.seed)
        self.products = [
            Product(
                f"P{n}", ("a", "b.dat")[: chance.randint(1, 2)], chance.choice(SIZES), chance.choice(PROMISES)
            )
            for n in range(chance.randint(1, 3))
        ]

    async def live(self) -> None:
        """Let some things happen, and judge after each."""
        for _ in range(self.chance.randint(2, 4)):
            for product in self.products:
                product.version += self.chance.random() < 0.4
            await self.chance.choice([self.one_run, self.two_runs, self.an_ended_run, self.a_small_disk])()
            await self.judge()
        await self.run_well()

    async def one_run(self) -> None:
        items = [product.item(self.station, product.version) for product in self.products]
        spoiled = {product.name: self.spoil(product) for product in self.products}
        async with opened_shop(self.folder, self.station.url) as shop:
            before, asked = await left_in(self.folder), len(self.station.asked)
            found = await shop.run(*items)
        for product in self.products:
            outcome, (fault, path) = found[product.name].outcome, spoiled[product.name]
            if fault in ("", "coded"):
                assert outcome in (Outcome.STAGED, Outcome.ALREADY), (found[product.name], fault)
            # What an ended run left whole is not asked for.
            elif product.name not in before.bodies and path in self.station.asked[asked:]:
                assert outcome is Outcome.FAILED, (found[product.name], fault)

    def spoil(self, product: Product) -> tuple[str, str]:
        """Have one of its files answered wrongly, perhaps: how, and which."""
        if self.chance.random() < 0.6:
            return "", ""
        fault = self.chance.choice(FAULTS)
        if fault == "other bytes" and product.promise != "all":
            fault = "cut"
        path = f"/v{product.version}/{product.name}/{self.chance.choice(product.keys)}"
        body = self.station.answers[path].body
        self.station.answers[path] = {
            "absent": Answer(b"no", 404),
            "cut": Answer(body, sent=len(body) // 2),
            "other bytes": Answer(body[::-1]),
            "login page": Answer(LOGIN),
            "offline": Answer(b"{}", 202),
            "coded": Answer(gzip.compress(body, 1), headers=(("content-encoding", "gzip"),)),
        }[fault]
        return fault, path

    async def two_runs(self) -> None:
        """One of them saw the station earlier than the other."""
        earlier = [product.item(self.station, product.version) for product in self.products]
        for product in self.products:
            product.version += self.chance.random() < 0.5
        later = [product.item(self.station, product.version) for product in self.products]
        ends: list[dict[str, ItemRecord]] = []
        async with (
            opened_shop(self.folder, self.station.url) as one,
            opened_shop(self.folder, self.station.url) as other,
            anyio.create_task_group() as group,
        ):

            async def run(shop: object, items: list[Item]) -> None:
                ends.append(await shop.run(*items))  # type: ignore[attr-defined]

            group.start_soon(run, one, earlier)
            group.start_soon(run, other, later)
        for product in self.products:
            outcomes = {end[product.name].outcome for end in ends}
            assert outcomes & {Outcome.STAGED, Outcome.ALREADY}, (product, ends)

    async def an_ended_run(self) -> None:
        """A run is ended at one of its requests."""
        items = [product.item(self.station, product.version) for product in self.products]
        last = len(self.station.asked) + self.chance.randint(1, 3)
        async with opened_shop(self.folder, self.station.url) as shop:
            with anyio.CancelScope() as scope:
                token = anyio.lowlevel.current_token()

                def end() -> None:
                    if len(self.station.asked) >= last:
                        anyio.from_thread.run_sync(scope.cancel, token=token)

                for path, answer in self.station.answers.items():
                    self.station.answers[path] = Answer(answer.body, before=end)
                await shop.run(*items)
        self.ended += scope.cancelled_caught
        for path, answer in self.station.answers.items():
            self.station.answers[path] = Answer(answer.body)

    async def a_small_disk(self) -> None:
        items = [product.item(self.station, product.version) for product in self.products]
        root = self.folder / "storage"
        room = used(root) + self.chance.choice(self.products).size + 1000
        disks = Disks(lambda _: room - used(root))
        async with opened_shop(self.folder, self.station.url, disks=disks, spare_bytes=500) as shop:
            await shop.run(*items)
        assert used(root) <= room - 500

    async def judge(self) -> None:
        """Each record is a version as a whole, and nothing is where nothing belongs."""
        left = await left_in(self.folder)
        assert left.wrong == []
        for product in self.products:
            found = left.bodies.get(product.name)
            if found is not None:
                assert any(found == product.bodies(version) for version in range(product.version + 1))
        assert {name.partition("-")[0] for name in os.listdir(self.folder)} <= {"storage", "catalog.sqlite"}

    async def run_well(self) -> None:
        """With good answers and room enough all is what the station has, whatever happened before."""
        items = [product.item(self.station, product.version) for product in self.products]
        async with opened_shop(self.folder, self.station.url) as shop:
            found = await shop.run(*items)
        assert {one.outcome for one in found.values()} <= {Outcome.STAGED, Outcome.ALREADY}, found
        await self.judge()
        left = await left_in(self.folder)
        for product in self.products:
            if product.promise != "none":
                assert left.bodies[product.name] == product.bodies(product.version)
            else:
                assert product.name in left.bodies


def used(folder: Path) -> int:
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except FileNotFoundError:
                continue
    return total


@pytest.fixture(scope="module")
def new_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], World]]:
    with served_station() as station:

        def make(seed: int) -> World:
            station.answers.clear()
            return World(seed, station, tmp_path_factory.mktemp(f"world{seed}"))

        yield make


@pytest.mark.parametrize("first", range(0, CHECKED, 12))
async def test_a_dozen_worlds(new_world: Callable[[int], World], first: int) -> None:
    ended = 0
    for seed in range(first, first + 12):
        world = new_world(seed)
        await world.live()
        ended += world.ended
    assert ended


@pytest.mark.prove
@pytest.mark.parametrize("first", range(CHECKED, CHECKED + PROVED, 100))
async def test_a_hundred_worlds(new_world: Callable[[int], World], first: int) -> None:
    for seed in range(first, first + 100):
        await new_world(seed).live()
