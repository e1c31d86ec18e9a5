"""Jobs are found by what they are."""

import pytest
from job_world import World, endpoint

from eoflows.base.errors import (
    LedgerError,
)
from eoflows.jobs.ledger import JobFilter
from eoflows.jobs.models import Phase

pytestmark = pytest.mark.anyio


async def test_jobs_are_found_by_what_they_are(world: World, ledger) -> None:
    first = await world.submit(ledger, "inputs-a", n=1, label="x")
    world.clock.advance(1)
    second = await world.submit(ledger, "token-a", n=2)
    for wanted, expected in (
        (JobFilter(), [second, first]),
        (JobFilter(label="x"), [first]),
        (JobFilter(endpoint=endpoint("token-a")), [second]),
        (JobFilter(phases=[Phase.FAILED]), []),
        (JobFilter(limit=1), [second]),
        (JobFilter(since=second.planned_at), [second]),
        (JobFilter(keys=[first.key[:10]]), [first]),
        (JobFilter(keys=[]), []),
    ):
        assert await ledger.jobs(wanted) == expected
    with pytest.raises(LedgerError, match="2 jobs have keys that begin with ''"):
        await ledger.job("")
    with pytest.raises(LedgerError, match="no job with the key"):
        await ledger.job("zz")
