"""What a user's type checker makes of the public names; `make lint` checks it, nobody runs it."""

from typing import Any, assert_type

import eoflows
import eoflows.base.times
import eoflows.jobs.models
from eoflows import Interval, Ledger, SearchRequest, StacClient, submit
from eoflows.jobs import JobRequest, JobState, Phase
from eoflows.services import ogc_processes
from eoflows.services.dummy import DummyRequest

assert_type(Interval, type[eoflows.base.times.Interval])
assert_type(eoflows.Phase, type[eoflows.jobs.models.Phase])
request: JobRequest = DummyRequest()


async def use(client: StacClient, ledger: Ledger, state: JobState) -> None:
    assert_type(state.phase, Phase)
    async for page in client.pages(SearchRequest()):
        assert_type(page, list[dict[str, Any]])
    # What is wrong is found: nothing is Any.
    await submit(ledger)  # type: ignore[call-arg]
    print(eoflows.no_such_name)  # type: ignore[attr-defined]
    print(eoflows.jobs.no_such_name)  # type: ignore[attr-defined]
    print(ogc_processes.no_such_name)  # type: ignore[attr-defined]
