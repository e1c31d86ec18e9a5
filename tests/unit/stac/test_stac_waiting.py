from collections.abc import AsyncIterator

import pytest

from eoflows.base.errors import DeadlineError
from eoflows.stores.stac.waiting import within

pytestmark = pytest.mark.anyio


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def pages(clock: Clock, seconds: float) -> AsyncIterator[list[int]]:
    for number in range(3):
        clock.now += seconds
        yield [number]


@pytest.mark.parametrize(("seconds", "limit"), [(1.0, 3.0), (0.0, 0.5)])
async def test_only_waiting_counts(seconds, limit):
    clock, found = Clock(), []
    async for page in within(pages(clock, seconds), limit, clock):
        clock.now += 1000
        found += page
    assert found == [0, 1, 2]


async def test_waiting_adds_up():
    clock = Clock()
    given = within(pages(clock, 1.0), 2.5, clock)
    assert [await anext(given), await anext(given)] == [[0], [1]]
    with pytest.raises(DeadlineError, match=r"its limit of 2\.5 s"):
        await anext(given)
