"""Who does the work of small and large files, and when the loop is told."""

import asyncio
import random

import pytest

from eoflows.base.errors import EoError
from eoflows.stores.transfer import wire

pytestmark = pytest.mark.anyio

SMALL = random.Random(1).randbytes(50_000)
MOST = 40


async def test_small_files_on_a_slow_disk_are_left_to_the_crew(server, engine_for, want, monkeypatch):
    monkeypatch.setattr(wire, "_SLOW_DISK", -1.0)
    server.routes["/f"] = lambda reply: reply.file(SMALL)
    left = 0
    async with engine_for(server) as engine:
        submit = engine._crew.submit

        def counted(function) -> None:
            nonlocal left
            left += 1
            submit(function)

        monkeypatch.setattr(engine._crew, "submit", counted)
        jobs = [want(SMALL, server.url + "/f", name=f"f{number}") for number in range(MOST)]
        receipts = await asyncio.gather(*map(engine.fetch, jobs))
    assert left >= MOST
    assert [receipt.size for receipt in receipts] == [len(SMALL)] * MOST
    assert all(job.path.read_bytes() == SMALL for job in jobs)


async def test_small_files_need_no_other_thread(server, engine_for, want, monkeypatch):
    monkeypatch.setattr(wire, "_SLOW_DISK", float("inf"))
    server.routes["/f"] = lambda reply: reply.file(SMALL)
    async with engine_for(server) as engine:
        monkeypatch.setattr(engine._crew, "submit", lambda _: pytest.fail("left to the crew"))
        jobs = [want(SMALL, server.url + "/f", name=f"f{number}") for number in range(MOST)]
        await asyncio.gather(*map(engine.fetch, jobs))
    assert all(job.path.read_bytes() == SMALL for job in jobs)


async def test_an_end_is_told_while_other_bytes_come_without_a_pause(server, engine_for, want):
    stop = asyncio.Event()

    async def endless(reply) -> None:
        await reply.head(200, transfer_encoding="chunked")
        block = bytes(1 << 10)
        while not stop.is_set():
            await reply.raw(b"%x\r\n" % len(block) + block + b"\r\n")
            await asyncio.sleep(0)
        await reply.raw(b"0\r\n\r\n")

    server.routes["/endless"] = endless
    server.routes["/f"] = lambda reply: reply.file(SMALL)
    async with engine_for(server) as engine:
        streams = [
            asyncio.create_task(engine.fetch(want(None, server.url + "/endless", name=f"endless{number}")))
            for number in range(3)
        ]
        await server.until(lambda: len(server.seen("/endless")) == 3)
        async with asyncio.timeout(30):
            await engine.fetch(want(SMALL, server.url + "/f"))
        assert not any(stream.done() for stream in streams)
        stop.set()
        await asyncio.gather(*streams)


async def test_no_file_work_once_it_is_closed(engine_for):
    async with engine_for() as engine:
        assert await engine._wire.run(lambda: 7) == 7
        with pytest.raises(ZeroDivisionError):
            await engine._wire.run(lambda: 1 // 0)
    with pytest.raises(EoError, match="closed"):
        await engine._wire.run(lambda: 7)
