"""What people decide about jobs: look, stop, clear up, set budgets."""

from collections.abc import Sequence

import anyio
from prefect.client.schemas.objects import FlowRun

from eoflows.jobs.ledger import Balance, JobFilter, JobRecord
from eoflows.jobs.models import CLOSED, Phase
from eoflows.jobs.resolve import Decision, resolve_job
from eoflows.tasks.job_tracking import track_jobs_once
from eoflows.tasks.logs import run_logger
from eoflows.tasks.servers import Desk, open_desk, open_server

__all__ = ["budget", "cancel_jobs_of", "cancel_run", "find_jobs", "resubmit_jobs", "settle_doubt"]

_LONGEST, _PAUSE = 90.0, 2.0


async def find_jobs(ledger: str, wanted: JobFilter) -> tuple[list[JobRecord], list[Balance]]:
    """Give jobs of a ledger, the newest first, and all budgets."""
    async with open_desk(ledger) as desk:
        return await desk.ledger.jobs(wanted), await desk.ledger.balances()


async def cancel_jobs_of(desk: Desk, wanted: JobFilter) -> list[JobRecord]:
    """Have jobs stopped: noted first, so that a tracker carries it out if this run does not live to.

    Returns:
        The jobs, as they are after the attempt.
    """
    keys = [record.key for record in await desk.ledger.jobs(wanted) if record.phase not in CLOSED]
    records = await desk.ledger.want_cancelled(keys)
    asked: set[tuple[str, str]] = set()
    with anyio.move_on_after(_LONGEST):
        while places := {(one.service, one.endpoint) for one in records if not one.closed} - asked:
            rounds = await track_jobs_once(desk, only=places, older_than=0.0)
            asked |= {(one.service, one.endpoint) for one in rounds}
            if places - asked:
                # Another round is at that endpoint, or died there: its lease ends.
                await anyio.sleep(_PAUSE)
            records = await desk.ledger.jobs(JobFilter(keys=keys))
    return await desk.ledger.jobs(JobFilter(keys=keys))


async def cancel_run(flow_run: FlowRun, ledger: str) -> Sequence[JobRecord]:
    """Stop the jobs of a flow run, whose memory is gone: the ledger knows them by the run's id."""
    async with open_desk(ledger) as desk:
        return await cancel_jobs_of(desk, JobFilter(label=str(flow_run.id)))


async def settle_doubt(
    ledger: str, key: str, decision: Decision, *, job_id: str, credits: int | None, who: str, why: str
) -> JobRecord:
    """Write down what a person knows of a job; see `eoflows.jobs.resolve`."""
    async with open_desk(ledger) as desk:
        record = await desk.ledger.job(key)
        async with open_server(record.service, record.server) as server:
            found = await resolve_job(
                desk.ledger, server, record.key, decision, job_id=job_id, credits=credits, who=who, why=why
            )
        run_logger().info("job %s is %s now: %s", found.key[:12], found.phase, found.message)
        return found


async def resubmit_jobs(
    ledger: str, services: Sequence[str], keys: Sequence[str] | None, who: str
) -> tuple[list[JobRecord], list[JobRecord]]:
    """Have lost jobs sent again that can have cost nothing.

    Args:
        ledger: Name of the Job Ledger block.
        services: Services whose jobs are meant.
        keys: Keys of jobs, or beginnings of them; None: of all that are lost.
        who: Who decided; kept with the jobs.

    Returns:
        Those that the tracker sends again, and those that stay lost.
    """
    async with open_desk(ledger) as desk:
        wanted = await desk.ledger.jobs(JobFilter(keys=keys, phases=(Phase.LOST,)))
        again = await desk.ledger.resubmit_lost(
            services, f"sent again by {who}", keys=[record.key for record in wanted]
        )
        sent = {record.key for record in again}
        return again, [record for record in wanted if record.key not in sent]


async def budget(ledger: str, name: str, credits: int, period: str) -> Balance:
    """Make a budget, or change its limit; give its balance."""
    async with open_desk(ledger) as desk:
        await desk.ledger.set_budget(name, credits, period)  # type: ignore[arg-type]
        return await desk.ledger.balance(name)
