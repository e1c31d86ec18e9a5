"""Killed at any step, and run again: never two jobs for an intent, and none forgotten."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from ledger_driver import STEPS
from ledger_processes import LATER, Drivers, check_never_two

from eoflows.jobs.models import Phase
from eoflows.sandbox import Sandbox

pytestmark = pytest.mark.anyio
KINDS = ("token", "inputs", "listing", "none")
DOUBTFUL = ("after intent", "after snapshot", "before request", "after request", "after answer")
"""Steps after which the ledger alone cannot say whether there is a job."""


def places(kind: str, folder: Path) -> dict[str, str]:
    """An endpoint per step, so that no case helps or hinders another."""
    steps = [step for step in STEPS if kind == "listing" or step != "after snapshot"]
    return {step: f"{kind}-{folder.name}-{step.replace(' ', '-')}" for step in steps}


@pytest.mark.parametrize("kind", KINDS)
async def test_killed_at_each_step(kind: str, drivers: Drivers, box: Sandbox, tmp_path: Path) -> None:
    def killed_and_run_again(step: str, place: str) -> str:
        assert drivers.run("one_job", place, step=step).code == -9
        check_never_two(box.dummy.jobs(place))
        again = drivers.run("one_job", place, ahead=LATER)
        assert again.code == 0
        return again.said

    cases = places(kind, tmp_path)
    # Alone, the last one has its job to tell of to itself.
    *crowd, alone = cases
    with ThreadPoolExecutor(3) as pool:
        said = dict(zip(crowd, pool.map(killed_and_run_again, crowd, map(cases.get, crowd)), strict=True))
    said[alone] = killed_and_run_again(alone, cases[alone])

    told = drivers.announcements()
    for step, place in cases.items():
        jobs = box.dummy.jobs(place)
        check_never_two(jobs)
        (record,) = await drivers.records(endpoint=f"{box.url}/dummy/{place}")
        if kind == "none" and step in DOUBTFUL:
            # Nobody can say: so it is said, and kept.
            assert (said[step], record.phase) == ("OutcomeUnknownError", Phase.UNKNOWN), step
            assert record.message
        else:
            assert (said[step], record.phase) == ("succeeded", Phase.SUCCEEDED), step
            assert [job.id for job in jobs] == [record.remote_id], step
            assert told[record.key] >= 1, step


@pytest.mark.parametrize("step", ["after request", "after answer"])
def test_as_most_do_it_fails_the_same_check(step: str, careless: Drivers, box: Sandbox) -> None:
    place = f"inputs-{careless.folder.name}"
    assert careless.run("as_most_do_it", place, step=step).code == -9
    assert careless.run("as_most_do_it", place).said == "succeeded"
    with pytest.raises(AssertionError, match="there more often"):
        check_never_two(box.dummy.jobs(place))


def test_as_most_do_it_passes_where_nothing_goes_wrong(careless: Drivers, box: Sandbox) -> None:
    place = f"inputs-{careless.folder.name}"
    for _ in range(2):
        assert careless.run("as_most_do_it", place).said == "succeeded"
    check_never_two(box.dummy.jobs(place))
    assert len(box.dummy.jobs(place)) == 1
