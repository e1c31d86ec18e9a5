"""Sources in buckets obey the limits of their host."""

import asyncio
import random

import pytest

from eoflows.base.errors import ThrottledError
from eoflows.stores.transfer import Download, S3Bucket

pytestmark = pytest.mark.anyio

BODY = random.Random(1).randbytes(50_000)


class Slots:
    """Counts who is inside."""

    def __init__(self) -> None:
        self.inside, self.most, self.hosts = 0, 0, set()

    def __call__(self, host: str) -> "Slots":
        self.hosts.add(host)
        return self

    async def __aenter__(self) -> None:
        self.inside += 1
        self.most = max(self.most, self.inside)

    async def __aexit__(self, *_: object) -> None:
        self.inside -= 1


def bucket_at(server) -> S3Bucket:
    return S3Bucket("b-1", endpoint=server.url, retry_seconds=0.2)


async def test_lane_and_slot_surround_every_read(server, engine_for, want):
    headers = {"last_modified": "Sat, 01 Nov 2025 10:00:00 GMT"}
    running = most = 0

    async def slow(reply) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.02)
        await reply.send(200, BODY, etag='"one"', **headers)
        running -= 1

    server.routes["/b-1/key"] = slow
    slots = Slots()
    settings = {"start_connections": 3, "most_connections": 3, "buckets": {"b-1": bucket_at(server)}}
    async with engine_for(slot=slots, **settings) as engine:
        ends = [engine.fetch(want(BODY, "s3://b-1/key", name=f"f{number}")) for number in range(20)]
        receipts = await asyncio.gather(*ends)
    assert [receipt.size for receipt in receipts] == [len(BODY)] * 20
    assert slots.hosts == {"127.0.0.1"}
    assert slots.inside == 0
    assert (slots.most, most) == (3, 3)


async def test_a_service_that_asks_for_patience_is_said_to_do_so(server, engine_for, tmp_path):
    server.routes["/b-1/key"] = lambda reply: reply.send(503, b"<Error><Code>SlowDown</Code></Error>")
    async with engine_for(attempts=1, buckets={"b-1": bucket_at(server)}) as engine:
        with pytest.raises(ThrottledError, match="503"):
            await engine.fetch(Download(("s3://b-1/key",), tmp_path / "f", len(BODY)))


@pytest.mark.parametrize(
    ("bucket", "place"),
    [
        (S3Bucket("b-1", region="eu-west-1"), ("s3.eu-west-1.amazonaws.com", 443)),
        (S3Bucket("b-1", endpoint="http://10.0.0.1"), ("10.0.0.1", 80)),
        (S3Bucket("b-1", endpoint="https://Store.example:9000"), ("store.example", 9000)),
    ],
)
def test_where_a_bucket_is(bucket, place):
    assert bucket.place == place
