"""Killed runs, runs at the same time, cancelled runs, and a loop that is never blocked."""

import asyncio
import hashlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import anyio
import pytest
from fetcher import body_of
from hostile_server import HostileServer, Reply

from eoflows.stores.transfer import Checksum, Download

pytestmark = pytest.mark.anyio

HERE = Path(__file__).parent
ROOT = HERE.parents[2]


def start(server: HostileServer, folder: Path, names: list[str]) -> subprocess.Popen[str]:
    command = [sys.executable, str(HERE / "fetcher.py"), server.url, str(folder), *names]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


def serve(server: HostileServer, names: list[str], pace: float = 0.0) -> None:
    """Good answers; with a pace, half a megabyte at a time and a pause."""

    def route(body: bytes):
        etag = '"' + hashlib.md5(body).hexdigest() + '"'

        async def answer(reply: Reply) -> None:
            if not pace:
                await reply.file(body)
                return
            asked = reply.request.headers.get("range", "bytes=0-")
            begin = int(asked.removeprefix("bytes=").rstrip("-"))
            span = f"bytes {begin}-{len(body) - 1}/{len(body)}"
            status = 206 if begin else 200
            await reply.head(status, content_length=len(body) - begin, etag=etag, content_range=span)
            for at in range(begin, len(body), 500_000):
                await reply.raw(body[at : at + 500_000])
                await asyncio.sleep(pace)

        return answer

    for name in names:
        server.routes[f"/{name}"] = route(body_of(name))


@pytest.mark.parametrize("seed", range(6))
async def test_kill_9_then_again(server, tmp_path: Path, seed: int):
    names = [f"{seed}-{number}.bin" for number in range(24)]
    serve(server, names, pace=0.02)
    first = start(server, tmp_path, names)
    chance = random.Random(seed)
    moment = chance.choice([1, 4, 9, 17, 22])
    await server.until(lambda: len(server.log) >= moment)
    await asyncio.sleep(chance.random() * 0.2)
    first.kill()
    finished = {line.split()[0] for line in first.communicate()[0].splitlines()}
    for name in finished:
        assert (tmp_path / name).read_bytes() == body_of(name)
    standing = {name for name in os.listdir(tmp_path) if not name.startswith(".")}
    asked = len(server.log)
    serve(server, names)
    second = start(server, tmp_path, names)
    output, _ = await anyio.to_thread.run_sync(second.communicate)
    assert second.returncode == 0, output
    assert sorted(os.listdir(tmp_path)) == sorted(names)
    assert all((tmp_path / name).read_bytes() == body_of(name) for name in names)
    assert not standing & {request.path[1:] for request in server.log[asked:]}


async def test_two_processes_on_the_same_products(server, tmp_path: Path):
    names = [f"same-{number}.bin" for number in range(8)]
    serve(server, names, pace=0.05)
    runs = [start(server, tmp_path, names) for _ in range(2)]
    for run in runs:
        output, _ = await anyio.to_thread.run_sync(run.communicate)
        assert run.returncode == 0, output
    assert sorted(os.listdir(tmp_path)) == sorted(names)
    assert all((tmp_path / name).read_bytes() == body_of(name) for name in names)


async def test_two_tasks_on_the_same_product_fetch_it_once(server, engine_for, want):
    body = bytes(2_500_000)
    server.routes["/f"] = lambda reply: reply.file(body)
    async with engine_for(server) as engine:
        receipts = await asyncio.gather(*(engine.fetch(want(body, server.url + "/f")) for _ in range(5)))
    assert len(server.log) == 1
    assert sorted(receipt.fetched for receipt in receipts) == [0, 0, 0, 0, len(body)]


async def test_what_a_dead_second_writer_left_is_removed(server, engine_for, want):
    body = bytes(200_000)
    server.routes["/f"] = lambda reply: reply.file(body)
    download = want(body, server.url + "/f")
    download.path.parent.mkdir()
    for suffix in ("", "1", "1.json"):
        download.path.with_name(f".{download.path.name}.part{suffix}").write_bytes(b"left")
    async with engine_for(server) as engine:
        await engine.fetch(download)
    assert os.listdir(download.path.parent) == [download.path.name]


async def test_cancelling_closes_the_connection_and_keeps_the_part(server, engine_for, want):
    body = random.Random(3).randbytes(4_000_000)

    async def pauses(reply: Reply) -> None:
        await reply.part_of(body, 2_000_000)
        await asyncio.Event().wait()

    server.routes["/f"] = pauses
    download = want(body, server.url + "/f")
    reached = asyncio.Event()
    # Neither end would come by itself.
    async with engine_for(server, stall=3600) as engine:
        async with asyncio.TaskGroup() as group:
            job = group.create_task(
                engine.fetch(download, lambda size: reached.set() if size >= 2_000_000 else None)
            )
            await reached.wait()
            job.cancel()
        await server.until(lambda: not server.connections)
        server.routes["/f"] = lambda reply: reply.file(body)
        receipt = await engine.fetch(download)
    assert receipt.resumed_from == 2_000_000
    assert receipt.fetched == 2_000_000
    assert os.listdir(download.path.parent) == [download.path.name]


async def test_cancelling_many_leaves_nothing_open(server, engine_for, want):
    async def silent(reply: Reply) -> None:
        await asyncio.Event().wait()

    names = [f"f{number}" for number in range(200)]
    for name in names:
        server.routes[f"/{name}"] = silent
    before = len(os.listdir("/proc/self/fd"))
    async with engine_for(server, stall=3600) as engine:
        async with anyio.create_task_group() as group:
            for name in names:
                group.start_soon(engine.fetch, want(bytes(10), f"{server.url}/{name}", name=name))
            await server.until(lambda: len(server.log) >= 8)
            group.cancel_scope.cancel()
        await server.until(lambda: not server.connections)
        assert os.listdir(want(b"", "http://x").path.parent) == []
    assert len(os.listdir("/proc/self/fd")) <= before


async def test_leaving_the_engine_closes_every_connection(server, engine_for, want):
    server.routes["/f"] = lambda reply: reply.file(b"x" * 1000)
    async with engine_for(server) as engine:
        await engine.fetch(want(b"x" * 1000, server.url + "/f"))
        assert server.connections == 1
    await server.until(lambda: not server.connections)


async def test_connections_are_used_again(server, engine_for, want):
    body = b"x" * 1000
    server.routes["/f"] = lambda reply: reply.file(body)
    async with engine_for(server, start_connections=4, most_connections=4) as engine:
        await asyncio.gather(
            *(engine.fetch(want(body, server.url + "/f", name=f"f{number}")) for number in range(100))
        )
    assert server.opened <= 4


async def test_the_slot_surrounds_every_connection(server, engine_for, want):
    inside, most = 0, 0

    class Slot:
        def __init__(self, host: str) -> None:
            assert host == "127.0.0.1"

        async def __aenter__(self) -> None:
            nonlocal inside, most
            inside += 1
            most = max(most, inside)

        async def __aexit__(self, *_: object) -> None:
            nonlocal inside
            inside -= 1

    body = b"x" * 1000
    server.routes["/f"] = lambda reply: reply.file(body)
    async with engine_for(server, slot=Slot, start_connections=3, most_connections=3) as engine:
        await asyncio.gather(
            *(engine.fetch(want(body, server.url + "/f", name=f"f{number}")) for number in range(50))
        )
    assert inside == 0
    assert 1 <= most <= 3


async def test_the_loop_is_never_blocked(server, engine_for, tmp_path: Path):
    small, large = random.Random(4).randbytes(100_000), random.Random(5).randbytes(25_000_000)
    server.routes["/small"] = lambda reply: reply.file(small)
    server.routes["/large"] = lambda reply: reply.file(large)
    longest = 0.0

    async def watch() -> None:
        nonlocal longest
        while True:
            # Of this thread: what others do on a busy machine does not count.
            before = time.thread_time()
            await asyncio.sleep(0.005)
            longest = max(longest, time.thread_time() - before)

    def job(name: str, body: bytes, number: int) -> Download:
        promised = (Checksum("md5", hashlib.md5(body).digest()),)
        return Download((f"{server.url}/{name}",), tmp_path / f"{name}{number}", len(body), promised)

    jobs = [job("small", small, number) for number in range(200)] + [job("large", large, n) for n in range(3)]
    async with engine_for(server) as engine:
        watcher = asyncio.create_task(watch())
        await asyncio.gather(*map(engine.fetch, jobs))
        watcher.cancel()
    assert longest < 0.05
