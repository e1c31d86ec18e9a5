"""Leases and fences: whoever is late writes nothing."""

import anyio
import httpx
import pytest
from job_world import World, endpoint, intent, rows, state

from eoflows.base.errors import (
    LateError,
    OutcomeUnknownError,
)
from eoflows.jobs.collection import collect
from eoflows.jobs.ledger import Finding
from eoflows.jobs.models import Phase
from eoflows.stores.storage import LocalStorage

pytestmark = pytest.mark.anyio


async def test_a_late_owner_writes_nothing(world: World, ledger) -> None:
    first = (await ledger.intend(intent("none-a"))).record
    assert (await ledger.intend(intent("none-a"))).finding is Finding.BUSY
    world.clock.advance(181)
    second = await ledger.intend(intent("none-a"))
    assert (second.finding, second.record.fence) == (Finding.RESOLVE, first.fence + 1)
    for write in (
        ledger.accepted(first, state("job-1")),
        ledger.refused(first, "no"),
        ledger.put_back(first, "no"),
        ledger.unknown(first, "no"),
        ledger.abandon(first, "no"),
        ledger.resend(first),
        ledger.note_seen(first, ["x"]),
        ledger.adopt(first, state("job-1")),
        ledger.renew(first),
        ledger.collected(first, {}),
        ledger.collect_failed(first, "no", None),
    ):
        with pytest.raises(LateError, match="nothing was written"):
            await write
    assert await rows(ledger) == [second.record]


async def test_a_late_round_writes_nothing(world: World, ledger) -> None:
    record = await world.submit(ledger, "none-a", inputs={"seconds": 9})
    claim = await ledger.claim_endpoint("dummy", endpoint("none-a"))
    assert await ledger.claim_endpoint("dummy", endpoint("none-a")) is None
    world.clock.advance(181)
    assert (await ledger.claim_endpoint("dummy", endpoint("none-a"))).fence == claim.fence + 1
    for write in (
        ledger.observe(claim, [(record, state(record.remote_id, Phase.FAILED))]),
        ledger.missing(claim, [record.key]),
        ledger.close(claim, [record.key], Phase.LOST, "gone"),
        ledger.keep_endpoint(claim),
        ledger.release_endpoint(claim, ledger.now(), asked_at=None),
    ):
        with pytest.raises(LateError, match="nothing was written"):
            await write
    assert await rows(ledger) == [record]


async def test_nothing_is_sent_at_the_end_of_a_lease(world: World, ledger) -> None:
    """The list that is read before takes too long."""

    def slow(request: httpx.Request) -> None:
        if request.method == "GET":
            world.clock.advance(176)

    world.line.before = slow
    with pytest.raises(LateError, match="not sent in time"):
        await world.submit(ledger, "listing-a")
    assert world.jobs("listing-a") == []
    (record,) = await rows(ledger)
    assert record.phase is Phase.PLANNED


async def test_a_request_waits_no_longer_than_its_lease(ledger_url: str) -> None:
    world = World(ledger_url, lease=1.0)
    world.line.handle_async_request = lambda request: anyio.sleep_forever()
    async with world.ledger() as ledger:
        with anyio.fail_after(120), pytest.raises(OutcomeUnknownError, match="no answer in the 1 s"):
            await world.submit(ledger, "none-a")


async def test_a_cancelled_run_learns_what_became_of_its_request(world: World, ledger) -> None:
    with anyio.CancelScope() as scope:
        world.line.before = lambda request: scope.cancel()
        await world.submit(ledger, "none-a")
        await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    (record,) = await rows(ledger)
    assert record.remote_id == world.jobs("none-a")[0].id


async def test_two_collect_at_once(world: World, ledger, tmp_path) -> None:
    for n in range(6):
        await world.submit(ledger, "none-a", n=n)
    done = []

    async def one() -> None:
        # Their bytes come through curl, so a service that gives them with its answer is stood in for.
        storage = LocalStorage(tmp_path / "storage")
        async with world.ledger() as mine:
            done.extend(await collect(mine, world.open_collecting, storage))

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(one)
    assert sorted(one.record.key for one in done) == sorted(record.key for record in await rows(ledger))
    assert all(one.outputs["a.bin"]["size"] == 3 and not one.error for one in done)
    assert all(record.collected_at and not record.wanted for record in await rows(ledger))
    assert await collect(ledger, world.open_collecting, LocalStorage(tmp_path / "storage")) == []
