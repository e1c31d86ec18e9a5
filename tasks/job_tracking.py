"""The verb `track`: one round over all open jobs, whatever service runs them."""

from collections import Counter
from collections.abc import Collection, Sequence
from datetime import timedelta

from prefect import task
from prefect.events import emit_event

from eoflows.base.errors import public_url
from eoflows.jobs.announce import announce
from eoflows.jobs.ledger import JobRecord
from eoflows.jobs.models import Phase
from eoflows.jobs.tracker import EndpointRound, track_round
from eoflows.jobs.wait import wait_for_jobs
from eoflows.tasks.job_tables import progress_of
from eoflows.tasks.logs import run_logger
from eoflows.tasks.progress import shown_progress
from eoflows.tasks.servers import Desk, open_desk, open_server

__all__ = ["FINISHED", "LOST", "follow_jobs", "tell_finished", "track_jobs_once", "track_task"]

FINISHED = "eoflows.jobs.finished"
"""Event that some jobs have ended. It comes at least once; what it starts must not mind a second."""

LOST = "eoflows.jobs.lost"
"""Event that services deny jobs that they had; besides the other, and with the same promise."""


async def tell_finished(desk: Desk) -> int:
    """Emit events for the jobs whose end has not been told; give their number."""

    async def tell(records: Sequence[JobRecord]) -> None:
        _emit(FINISHED, desk, records)
        if lost := [record for record in records if record.phase is Phase.LOST]:
            _emit(LOST, desk, lost)

    return await announce(desk.ledger, tell)


def _emit(event: str, desk: Desk, records: Sequence[JobRecord]) -> None:
    phases = Counter(str(record.phase) for record in records)
    emit_event(
        event=event,
        resource={
            "prefect.resource.id": f"eoflows.ledger.{desk.name}",
            "prefect.resource.name": desk.name,
        },
        payload={
            "ledger": desk.name,
            "phases": dict(phases),
            "wanted": sum(record.wanted for record in records),
            "keys": [record.key for record in records],
        },
    )


async def track_jobs_once(
    desk: Desk, *, only: Collection[tuple[str, str]] | None = None, older_than: float | None = None
) -> list[EndpointRound]:
    """Look at the open jobs of all endpoints that are due, and tell of those that have ended."""
    await desk.ledger.expire_approvals()
    rounds = await track_round(desk.ledger, open_server, only=only, older_than=older_than)
    told = await tell_finished(desk)
    logger = run_logger()
    for one in rounds:
        words = one.error or (
            f"{one.looked_at} looked at, {one.changed} changed, {one.ended} ended, {one.sent} sent, "
            f"{one.resolved} cleared up, {len(one.failures)} not readable"
        )
        logger.log(30 if one.error else 20, "%s at %s: %s", one.service, public_url(one.endpoint), words)
    logger.info("%d endpoints asked, %d jobs told of", len(rounds), told)
    return rounds


async def follow_jobs(desk: Desk, keys: Sequence[str], seconds: float, *, artifact: str) -> list[JobRecord]:
    """Wait for jobs, with a progress artifact, until all have ended or the time is over.

    Args:
        desk: The opened ledger.
        keys: Their keys.
        seconds: How long to wait; what goes on then is the tracker's.
        artifact: Key of the progress artifact.
    """
    now: Sequence[JobRecord] = []

    def note(records: Sequence[JobRecord]) -> None:
        nonlocal now
        now = records

    async with shown_progress(artifact, lambda: progress_of(now)):
        until = desk.ledger.now() + timedelta(seconds=seconds)
        records = await wait_for_jobs(desk.ledger, open_server, keys, until=until, on_change=note)
    await tell_finished(desk)
    return records


@task(name="track", persist_result=False)
async def track_task(ledger: str) -> list[EndpointRound]:
    """Look once at the open jobs of all endpoints that are due.

    Args:
        ledger: Name of the Job Ledger block.

    Raises:
        InvalidInputError: There is no such block.
        LedgerError: The ledger cannot be used.
    """
    async with open_desk(ledger) as desk:
        return await track_jobs_once(desk)
