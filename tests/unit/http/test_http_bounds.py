"""However an answer comes, it takes no more room and time than it may."""

import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Iterable

import anyio
import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.base.errors import ContractError, EoError, UnreachableError
from eoflows.base.http import HttpClient, RetryPolicy
from eoflows.base.http.retry import LONGEST_ASKED, retry_after

pytestmark = pytest.mark.anyio

URL = "https://station.example/jobs"
PACK = {"gzip": gzip.compress, "deflate": zlib.compress, "identity": bytes}


class Raw(httpx.AsyncByteStream):
    """A body as it is on its way, block by block; after the last it drips where it is told to."""

    def __init__(self, blocks: Iterable[bytes], *, drips: bool = False) -> None:
        self._blocks, self._drips = blocks, drips
        self.given = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for block in self._blocks:
            self.given += len(block)
            yield block
        while self._drips:
            await anyio.sleep(0.005)
            yield b" "


def serving(body: Raw, *, status: int = 200, coding: str = "identity", **options: float) -> HttpClient:
    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(status, headers={"content-encoding": coding}, stream=body)

    most = int(options.pop("most", 1000))
    transport = httpx.MockTransport(answer)
    return HttpClient(transport=transport, retry=RetryPolicy(attempts=1), most=most, **options)


@given(
    content=st.binary(max_size=2000),
    most=st.integers(1, 2000),
    coding=st.sampled_from([*PACK]),
    cut=st.integers(1, 500),
)
async def test_what_fits_comes_whole_and_nothing_else(
    content: bytes, most: int, coding: str, cut: int
) -> None:
    packed = PACK[coding](content)
    blocks = [packed[at : at + cut] for at in range(0, len(packed), cut)]
    async with serving(Raw(blocks), coding=coding, most=most) as http:
        if len(content) > most:
            with pytest.raises(ContractError, match=f"longer than {most} bytes"):
                await http.request("GET", URL)
        else:
            answer = await http.request("GET", URL)
            assert answer.content == content


@given(coding=st.text("abgzipbr, ", min_size=1, max_size=12), content=st.binary(max_size=200))
async def test_any_coding_is_undone_or_an_error_of_ours(coding: str, content: bytes) -> None:
    async with serving(Raw([content]), coding=coding) as http:
        try:
            answer = await http.request("GET", URL)
        except EoError:
            return
        assert answer.content == content or coding.strip() in PACK


async def test_a_bomb_takes_no_more_than_its_limit() -> None:
    bomb = gzip.compress(bytes(200 * 2**20), 1)
    async with serving(Raw([bomb]), coding="gzip", most=2**20) as http:
        tracemalloc.start()
        try:
            with pytest.raises(ContractError, match="longer than"):
                await http.request("GET", URL)
            assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
        finally:
            tracemalloc.stop()


async def test_of_an_endless_error_the_beginning_is_read() -> None:
    body = Raw(b'{"detail": "no"}' for _ in iter(int, 1))
    async with serving(body, status=503) as http:
        with pytest.raises(UnreachableError, match="503"):
            await http.request("GET", URL)
    assert body.given < 2000


@pytest.mark.parametrize("status", [200, 503])
async def test_an_answer_that_drips_ends(status: int) -> None:
    async with serving(Raw([b"["], drips=True), status=status, timeout=0.05, most=10**9) as http:
        with anyio.fail_after(30), pytest.raises(UnreachableError, match=r"no whole answer in 0\.5 s"):
            await http.request("GET", URL)


@given(st.one_of(st.integers(-(10**400), 10**400).map(str), st.datetimes().map(str), st.text(max_size=40)))
def test_nobody_can_ask_to_be_left_alone_for_ever(header: str) -> None:
    asked = retry_after(header)
    assert asked is None or 0 <= asked <= LONGEST_ASKED
