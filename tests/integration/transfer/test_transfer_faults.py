"""Every fault of a server, and what the engine makes of it."""

import asyncio
import gzip
import os
import random
import time
from pathlib import Path

import pytest
from hostile_server import HostileServer, Reply, in_turn

from eoflows.base.errors import (
    AbsentError,
    CredentialsError,
    IntegrityError,
    StorageError,
    ThrottledError,
    UnreachableError,
)
from eoflows.stores.transfer import Checksum, Download

pytestmark = pytest.mark.anyio

BODY = random.Random(1).randbytes(3_000_000)
SMALL = BODY[:100_000]


def good(body: bytes):
    return lambda reply: reply.file(body)


def cut(body: bytes, at: int, **headers):
    async def answer(reply: Reply) -> None:
        await reply.part_of(body, at, **headers)
        reply.writer.close()

    return answer


def left(download: Download) -> list[str]:
    folder = download.path.parent
    return sorted(os.listdir(folder)) if folder.exists() else []


async def fetch(engine, download: Download, progress=None):
    async with engine:
        return await engine.fetch(download, progress)


def whole(download: Download, body: bytes) -> None:
    assert download.path.read_bytes() == body
    assert left(download) == [download.path.name]


async def test_a_good_file_lands_whole_with_its_receipt(server, engine_for, want):
    server.routes["/f"] = good(BODY)
    told: list[int] = []
    download = want(BODY, server.url + "/f?signature=secret")
    receipt = await fetch(engine_for(server), download, told.append)
    whole(download, BODY)
    assert (receipt.size, receipt.fetched, receipt.resumed_from, receipt.attempts) == (
        len(BODY),
        len(BODY),
        0,
        1,
    )
    assert receipt.url == server.url + "/f"
    assert receipt.checksums == download.checksums
    assert told[-1] == len(BODY)
    assert server.log[0].headers["accept-encoding"] == "identity"


async def test_what_nobody_promised_gets_a_blake3(server, engine_for, want):
    server.routes["/f"] = good(SMALL)
    receipt = await fetch(engine_for(server), want(None, server.url + "/f"))
    assert [check.algorithm for check in receipt.checksums] == ["blake3"]
    assert receipt.checksums[0].multihash().startswith("1e20")


async def test_an_empty_file_is_a_file(server, engine_for, want):
    server.routes["/f"] = good(b"")
    download = want(b"", server.url + "/f")
    await fetch(engine_for(server), download)
    whole(download, b"")


async def test_a_standing_file_is_taken_by_its_checksum_and_not_by_existence(server, engine_for, want):
    server.routes["/f"] = good(SMALL)
    download = want(SMALL, server.url + "/f")
    download.path.parent.mkdir()
    download.path.write_bytes(SMALL)
    receipt = await fetch(engine_for(server), download)
    assert (receipt.fetched, receipt.attempts, receipt.url, server.log) == (0, 0, "", [])
    download.path.write_bytes(bytes(len(SMALL)))
    receipt = await fetch(engine_for(server), download)
    assert receipt.fetched == len(SMALL)
    whole(download, SMALL)


@pytest.mark.parametrize("resets", [False, True])
async def test_a_broken_body_is_resumed(server, engine_for, want, resets):
    async def broken(reply: Reply) -> None:
        await reply.part_of(BODY, 2_000_000)
        if resets:
            await asyncio.sleep(0.05)
            reply.reset()
        else:
            reply.writer.close()

    server.routes["/f"] = in_turn(broken, good(BODY))
    download = want(BODY, server.url + "/f")
    receipt = await fetch(engine_for(server), download)
    whole(download, BODY)
    assert receipt.attempts == 2
    asked = server.log[1].headers
    if not resets or "range" in asked:
        assert asked["range"] == "bytes=2000000-" or resets
        assert asked["if-range"].startswith('"')


async def test_any_number_of_breaks_does_no_harm_while_bytes_come(server, engine_for, want):
    body = BODY * 4

    async def some(reply: Reply) -> None:
        start = int(reply.request.headers.get("range", "bytes=0-")[6:-1])
        etag = '"one"'
        if start:
            await reply.head(
                206,
                content_length=len(body) - start,
                etag=etag,
                content_range=f"bytes {start}-{len(body) - 1}/{len(body)}",
            )
        else:
            await reply.head(200, content_length=len(body), etag=etag)
        await reply.raw(body[start : start + 1_500_000])
        reply.writer.close()

    server.routes["/f"] = some
    download = want(body, server.url + "/f")
    receipt = await fetch(engine_for(server, attempts=3), download)
    whole(download, body)
    assert receipt.attempts == 8
    assert receipt.fetched == len(body)


async def test_a_stall_ends_the_attempt_and_the_rest_is_fetched(server, engine_for, want, stall_clock):
    async def stalls(reply: Reply) -> None:
        await reply.part_of(BODY, 2_000_000)
        await stall_clock.let_pass(61, arrived=2_000_000)
        await asyncio.Event().wait()

    server.routes["/f"] = in_turn(stalls, good(BODY))
    download = want(BODY, server.url + "/f")
    engine = engine_for(server, stall=60, clock=stall_clock)
    receipt = await fetch(engine, download, stall_clock.progress)
    assert receipt.attempts == 2
    whole(download, BODY)
    assert server.log[1].headers["range"] == "bytes=2000000-"


async def test_slow_is_not_stalled(server, engine_for, want, stall_clock):
    async def slow(reply: Reply) -> None:
        await reply.head(200, content_length=20)
        for number in range(1, 21):
            await reply.raw(b"x")
            await stall_clock.let_pass(30, arrived=number)

    server.routes["/f"] = slow
    engine = engine_for(server, stall=60, clock=stall_clock)
    receipt = await fetch(engine, want(b"x" * 20, server.url + "/f"), stall_clock.progress)
    assert receipt.attempts == 1
    assert stall_clock.passed >= 19 * 30


async def test_a_stall_for_ever_is_unreachable(server, engine_for, want):
    async def silent(reply: Reply) -> None:
        await asyncio.Event().wait()

    server.routes["/f"] = silent
    download = want(SMALL, server.url + "/f")
    with pytest.raises(UnreachableError, match=r"no byte for 0\.3 s"):
        await fetch(engine_for(server, stall=0.3, attempts=2), download)
    assert left(download) == []


async def test_429_waits_as_long_as_asked(server, engine_for, want):
    server.routes["/f"] = in_turn(lambda reply: reply.send(429, retry_after=1), good(SMALL))
    began = time.monotonic()
    # Any other wait than the one that is asked for would be of half an hour at least.
    await fetch(engine_for(server, base=3600), want(SMALL, server.url + "/f"))
    assert time.monotonic() - began >= 1.0
    assert len(server.log) == 2


async def test_retry_after_holds_for_the_whole_host(server, engine_for, want):
    server.routes["/f"] = in_turn(lambda reply: reply.send(503, retry_after=1), good(SMALL))
    server.routes["/g"] = good(SMALL)
    async with engine_for(server, start_connections=1, most_connections=1) as engine:
        began = time.monotonic()
        one = asyncio.create_task(engine.fetch(want(SMALL, server.url + "/f")))
        two = asyncio.create_task(engine.fetch(want(SMALL, server.url + "/g", name="g")))
        await asyncio.gather(one, two)
    assert time.monotonic() - began >= 1.0
    assert len(server.seen("/g")) == 1


async def test_a_longer_pause_than_we_have_is_told_and_asked_of_no_one_else(server, engine_for, want):
    server.routes["/f"] = lambda reply: reply.send(429, retry_after=3600)
    async with engine_for(server, start_connections=1, most_connections=1) as engine:
        jobs = [engine.fetch(want(SMALL, server.url + "/f", name=f"f{n}")) for n in range(10)]
        ends = await asyncio.gather(*jobs, return_exceptions=True)
    assert all(isinstance(end, ThrottledError) for end in ends)
    assert all(3590 <= end.retry_after <= 3600 for end in ends)
    assert len(server.log) == 1


async def test_429_in_the_middle_resumes(server, engine_for, want):
    server.routes["/f"] = in_turn(
        cut(BODY, 2_000_000), lambda reply: reply.send(429, retry_after=1), good(BODY)
    )
    download = want(BODY, server.url + "/f")
    await fetch(engine_for(server), download)
    whole(download, BODY)
    assert server.log[2].headers["range"] == "bytes=2000000-"


async def test_503_for_ever_ends_after_all_attempts(server, engine_for, want):
    server.routes["/f"] = lambda reply: reply.send(503)
    with pytest.raises(ThrottledError, match="answered 503"):
        await fetch(engine_for(server, attempts=3), want(SMALL, server.url + "/f"))
    assert len(server.log) == 3


@pytest.mark.parametrize(
    ("status", "kind"), [(404, AbsentError), (410, AbsentError), (403, CredentialsError)]
)
async def test_a_definite_no_is_asked_once(server, engine_for, want, status, kind):
    server.routes["/f"] = lambda reply: reply.send(
        status, b'{"detail": "no"}', content_type="application/json"
    )
    with pytest.raises(kind):
        await fetch(engine_for(server), want(SMALL, server.url + "/f?token=secret"))
    assert len(server.log) == 1


@pytest.mark.parametrize(
    "span",
    ["bytes 0-2999999/3000000", "bytes 2000000-2999999/9", "bytes 2000001-2999999/3000000", "nonsense"],
)
async def test_a_wrong_content_range_begins_again(server, engine_for, want, span):
    async def wrong(reply: Reply) -> None:
        await reply.send(206, BODY[2_000_000:], content_range=span)

    server.routes["/f"] = in_turn(cut(BODY, 2_000_000), wrong, good(BODY))
    download = want(BODY, server.url + "/f")
    await fetch(engine_for(server), download)
    whole(download, BODY)
    assert "range" not in server.log[2].headers


async def test_a_206_that_nobody_asked_for_is_refused(server, engine_for, want):
    server.routes["/f"] = lambda reply: reply.send(206, SMALL, content_range="bytes 5-100004/100005")
    with pytest.raises(IntegrityError, match="content-range"):
        await fetch(engine_for(server), want(SMALL, server.url + "/f"))


async def test_an_ignored_range_restarts(server, engine_for, want):
    server.routes["/f"] = in_turn(cut(BODY, 2_000_000), lambda reply: reply.send(200, BODY))
    download = want(BODY, server.url + "/f")
    receipt = await fetch(engine_for(server), download)
    whole(download, BODY)
    assert receipt.resumed_from == 0


async def test_a_changed_product_is_not_mixed_with_the_old_one(server, engine_for, want):
    new = random.Random(2).randbytes(len(BODY))
    server.routes["/f"] = in_turn(cut(BODY, 2_000_000), good(new))
    download = want(None, server.url + "/f")
    await fetch(engine_for(server), download)
    whole(download, new)


async def test_a_changed_etag_on_206_restarts(server, engine_for, want):
    async def careless(reply: Reply) -> None:
        span = f"bytes 2000000-{len(BODY) - 1}/{len(BODY)}"
        await reply.send(206, bytes(1_000_000), etag='"other"', content_range=span)

    server.routes["/f"] = in_turn(cut(BODY, 2_000_000), careless, good(BODY))
    download = want(None, server.url + "/f")
    await fetch(engine_for(server), download)
    whole(download, BODY)


async def test_without_a_validator_it_restarts(server, engine_for, want):
    async def bare(reply: Reply) -> None:
        await reply.head(200, content_length=len(BODY))
        await reply.raw(BODY[:2_000_000])
        reply.writer.close()

    server.routes["/f"] = in_turn(bare, good(BODY))
    download = want(BODY, server.url + "/f")
    await fetch(engine_for(server), download)
    whole(download, BODY)
    assert "range" not in server.log[1].headers


async def test_a_weak_etag_is_no_validator_but_last_modified_is(server, engine_for, want):
    stamp = "Sat, 01 Nov 2025 10:00:00 GMT"
    first = cut(BODY, 2_000_000, etag='W/"x"', last_modified=stamp)
    server.routes["/f"] = in_turn(first, good(BODY))
    await fetch(engine_for(server), want(BODY, server.url + "/f"))
    assert server.log[1].headers["if-range"] == stamp


async def test_416_verifies_what_is_there(server, engine_for, want):
    # Without a promised size only the server's 416 can say that nothing is missing.
    async def chunked_then_cut(reply: Reply) -> None:
        await reply.head(200, transfer_encoding="chunked", etag='"e"')
        await reply.raw(b"%x\r\n" % len(BODY) + BODY + b"\r\n")
        reply.writer.close()

    server.routes["/f"] = in_turn(
        chunked_then_cut, lambda reply: reply.send(416, content_range=f"bytes */{len(BODY)}")
    )
    download = want(BODY, server.url + "/f", size=None)
    receipt = await fetch(engine_for(server), download)
    whole(download, BODY)
    assert receipt.attempts == 2


async def test_416_with_another_total_begins_again(server, engine_for, want):
    server.routes["/f"] = in_turn(
        cut(BODY, 2_000_000), lambda reply: reply.send(416, content_range="bytes */77"), good(BODY)
    )
    download = want(BODY, server.url + "/f")
    await fetch(engine_for(server), download)
    whole(download, BODY)


async def test_an_error_page_with_200_is_caught(server, engine_for, want):
    page = b"<html><head><title>Too many flows</title></head><body>token=abc123 Limit of 20</body></html>"
    server.routes["/f"] = lambda reply: reply.send(200, page, content_type="text/html")
    download = want(SMALL, server.url + "/f")
    with pytest.raises(IntegrityError, match="error page") as caught:
        await fetch(engine_for(server), download)
    assert caught.value.what == "error page"
    assert "Too many flows" in str(caught.value)
    assert "<" not in str(caught.value)
    assert "abc123" not in str(caught.value)
    assert left(download) == []
    assert len(server.log) == 2


@pytest.mark.parametrize("promised", [True, False])
async def test_an_error_page_longer_than_the_product_or_for_a_product_of_unknown_size(
    server, engine_for, want, promised
):
    page = b"<!DOCTYPE html><p>Service unavailable</p>" + b" " * 5000
    server.routes["/f"] = lambda reply: reply.send(200, page, content_type="text/html; charset=utf-8")
    download = want(b"tiny" if promised else None, server.url + "/f")
    with pytest.raises(IntegrityError, match="Service unavailable"):
        await fetch(engine_for(server), download)
    assert left(download) == []


async def test_an_error_once_is_forgiven(server, engine_for, want):
    server.routes["/f"] = in_turn(
        lambda reply: reply.send(
            200, b"<Error><Code>SlowDown</Code></Error>", content_type="application/xml"
        ),
        good(SMALL),
    )
    download = want(SMALL, server.url + "/f")
    await fetch(engine_for(server), download)
    whole(download, SMALL)


async def test_an_error_injected_in_the_stream_is_caught(server, engine_for, want):
    broken = BODY[:1_000_000] + b"<error>too many</error>".ljust(50) + BODY[1_000_050:]
    server.routes["/f"] = lambda reply: reply.send(200, broken)
    download = want(BODY, server.url + "/f")
    with pytest.raises(IntegrityError) as caught:
        await fetch(engine_for(server), download)
    assert caught.value.what == "md5"
    assert left(download) == []
    assert len(server.log) == 2


async def test_a_wrong_copy_once_is_fetched_again(server, engine_for, want):
    server.routes["/f"] = in_turn(lambda reply: reply.send(200, bytes(len(BODY)), etag='"a"'), good(BODY))
    download = want(BODY, server.url + "/f")
    await fetch(engine_for(server), download)
    whole(download, BODY)
    assert "range" not in server.log[1].headers


async def test_every_checksum_counts(server, engine_for, want):
    server.routes["/f"] = good(SMALL)
    good_one = want(SMALL, server.url + "/f").checksums
    download = want(SMALL, server.url + "/f", checksums=(*good_one, Checksum("blake3", bytes(32))))
    with pytest.raises(IntegrityError, match="blake3"):
        await fetch(engine_for(server), download)


@pytest.mark.parametrize("encoding", ["gzip", "X-Gzip", "br", "identity"])
@pytest.mark.parametrize("name", ["a.geojson", "a.json.gz"])
async def test_what_comes_compressed_has_no_plain_name(server, engine_for, tmp_path, encoding, name):
    body = gzip.compress(bytes(1000))
    server.routes["/f"] = lambda reply: reply.send(200, body, content_encoding=encoding)
    download = Download((server.url + "/f",), tmp_path / name)
    if encoding == "br" and not name.endswith(".gz"):
        with pytest.raises(IntegrityError, match="is 'br', promised was gzip, deflate or none"):
            await fetch(engine_for(server), download)
        assert not download.path.exists()
    else:
        await fetch(engine_for(server), download)
        whole(download, body if encoding == "identity" or name.endswith(".gz") else bytes(1000))


async def test_gzip_is_stored_as_sent(server, engine_for, want):
    body = gzip.compress(bytes(1_000_000))
    server.routes["/f"] = lambda reply: reply.send(200, body, content_encoding="gzip")
    download = want(body, server.url + "/f")
    await fetch(engine_for(server), download)
    whole(download, body)


async def test_chunked_without_a_length(server, engine_for, want):
    async def chunked(reply: Reply) -> None:
        await reply.head(200, transfer_encoding="chunked")
        for start in range(0, len(SMALL), 30_000):
            piece = SMALL[start : start + 30_000]
            await reply.raw(b"%x\r\n" % len(piece) + piece + b"\r\n")
        await reply.raw(b"0\r\n\r\n")

    server.routes["/f"] = chunked
    download = want(None, server.url + "/f")
    await fetch(engine_for(server), download)
    whole(download, SMALL)


@pytest.mark.parametrize("announced", [True, False])
async def test_more_bytes_than_declared_are_not_taken(server, engine_for, want, announced):
    async def endless(reply: Reply) -> None:
        if announced:
            await reply.head(200, content_length=10**12)
        else:
            await reply.head(200, transfer_encoding="chunked")
        for _ in range(500):
            await reply.raw(BODY[:100_000] if announced else b"186a0\r\n" + BODY[:100_000] + b"\r\n")

    server.routes["/f"] = endless
    for options in ({}, {"size": None, "checksums": (), "most": 200_000}):
        download = want(SMALL, server.url + "/f", **options)
        with pytest.raises(IntegrityError, match="size"):
            await fetch(engine_for(server), download)
        assert left(download) == []


async def test_no_room_is_told_before_anything_is_asked(server, engine_for, want):
    with pytest.raises(StorageError, match=r"needs 1000000000000000000 bytes .* are free"):
        await fetch(engine_for(server), want(None, server.url + "/f", size=10**18))
    assert server.log == []


async def test_a_folder_that_cannot_be_made(server, engine_for, want, tmp_path: Path):
    (tmp_path / "out").write_bytes(b"")
    with pytest.raises(StorageError, match="product"):
        await fetch(engine_for(server), want(SMALL, server.url + "/f"))


async def test_alternatives_are_tried_in_order_and_all_reasons_told(server, other, engine_for, want):
    server.routes["/f"] = lambda reply: reply.send(404)
    other.routes["/f"] = good(SMALL)
    download = want(SMALL, "gs://bucket/f", "s3://bucket/f", server.url + "/f", other.url + "/f")
    receipt = await fetch(engine_for(server, other), download)
    assert receipt.url == other.url + "/f"
    other.routes["/f"] = lambda reply: reply.send(500)
    download.path.unlink()
    with pytest.raises(UnreachableError) as caught:
        await fetch(engine_for(server, other, attempts=2), download)
    text = str(caught.value)
    assert all(word in text for word in ("gs://", "'bucket'", "404", "500", "1. ", "4. "))


async def test_nobody_there(server: HostileServer, engine_for, want):
    url = server.url
    server.close()
    with pytest.raises(UnreachableError, match="broke off"):
        await fetch(engine_for(server, attempts=2), want(SMALL, url + "/f"))


async def test_a_fetch_after_the_end_is_refused(server, engine_for, want):
    engine = engine_for(server)
    async with engine:
        pass
    with pytest.raises(Exception, match="closed"):
        await engine.fetch(want(SMALL, server.url + "/f"))


async def test_a_file_may_be_forced_to_the_disk(server, engine_for, want, monkeypatch):
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", synced.append)
    server.routes["/f"] = good(BODY)
    download = want(BODY, server.url + "/f")
    await fetch(engine_for(server, fsync=True), download)
    whole(download, BODY)
    assert len(synced) == 2


async def test_many_waiting_fetches_hold_no_files(server, engine_for, want):
    body = b"x" * 100
    server.routes["/f"] = lambda reply: reply.file(body)
    before = len(os.listdir("/proc/self/fd"))
    most = 0

    async def one(engine, number: int) -> None:
        nonlocal most
        await engine.fetch(want(body, server.url + "/f", name=f"f{number}"))
        if number % 100 == 0:
            most = max(most, len(os.listdir("/proc/self/fd")))

    async with engine_for(server, start_connections=2, most_connections=4) as engine:
        await asyncio.gather(*(one(engine, number) for number in range(3000)))
    assert most - before < 50
