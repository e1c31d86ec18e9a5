"""The verb `submit`: remote jobs, each made once however often it is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import anyio
from prefect import task

from eoflows.base.concurrency import one_error
from eoflows.base.errors import BudgetError, EoError, PriceError
from eoflows.jobs.ledger import Intent, JobFilter, JobRecord, Ledger, Reservation
from eoflows.jobs.models import JobRequest
from eoflows.jobs.registry import AnyRequest, read_request
from eoflows.jobs.service import JobServer
from eoflows.jobs.submission import submit
from eoflows.tasks.logs import run_logger
from eoflows.tasks.servers import Desk, open_desk, open_server, run_label

__all__ = ["Submission", "reason_of", "submit_jobs", "submit_task"]

_AT_ONCE = 8


@dataclass(frozen=True)
class Submission:
    """What became of one request.

    Attributes:
        key: Its key in the ledger.
        record: Its row; None if nothing was written, as when the budget did not cover it.
        error: Why there is no job, or why nobody knows; empty if there is one.
        cause: That reason as it was raised, or None.
    """

    key: str
    record: JobRecord | None
    error: str = ""
    cause: EoError | None = None

    @property
    def unpaid(self) -> bool:
        """Whether it was not sent for want of money, or of somebody's agreement to its price."""
        return isinstance(self.cause, BudgetError)


async def submit_jobs(
    desk: Desk,
    requests: Sequence[JobRequest],
    server: str,
    *,
    run_key: str = "",
    label: str = "",
    who: str = "",
    deadline: timedelta | None = None,
    reservations: Sequence[Reservation | None] | None = None,
    limits: Sequence[int] | None = None,
    patience: float = 60.0,
) -> list[Submission]:
    """Make the jobs that are asked for, unless there are such.

    Args:
        desk: The opened ledger.
        requests: What is asked for, all of one service.
        server: Block of the server, as `type-slug/name`.
        run_key: Another one asks for the same things once more, on purpose.
        label: What the jobs belong to; empty: this flow run.
        who: Who asks.
        deadline: How long from now anybody waits for them; None sets no limit.
        reservations: Money to set aside, one entry per request; None sets none aside.
        limits: Credits that each may cost in the moment of sending, one entry per request; None sets none.
        patience: Seconds to wait where the outcome of a request is unknown.

    Returns:
        One submission per request, in their order. A failure of one does not keep the others from being
        sent; only a budget that is used up, or a price that has risen, stops those that follow it. A
        request that its service finds faults in is not written to the ledger.
    """
    ledger = desk.ledger
    until = ledger.now() + deadline if deadline is not None else None
    done: dict[int, Submission] = {}
    limiter, spent = anyio.CapacityLimiter(_AT_ONCE), list[BudgetError]()

    async with open_server(requests[0].service if requests else "", server) as opened:

        async def one(number: int, request: JobRequest) -> None:
            intent = Intent(
                request=request,
                endpoint=opened.endpoint,
                server=server,
                run_key=run_key,
                label=label or run_label(),
                who=who,
                deadline=until,
                reservation=reservations[number] if reservations else None,
                most=limits[number] if limits else None,
            )
            async with limiter:
                if spent:
                    why = f"not sent: {reason_of(spent[0])}"
                    done[number] = Submission(intent.key, None, why, spent[0])
                    return
                try:
                    await _check(ledger, opened, intent)
                    record = await submit(ledger, opened, intent, patience=patience)
                except EoError as error:
                    if isinstance(error, BudgetError):
                        spent.append(error)
                    found = await ledger.jobs(JobFilter(keys=(intent.key,)))
                    done[number] = Submission(intent.key, found[0] if found else None, str(error), error)
                else:
                    done[number] = Submission(record.key, record)

        async with one_error(), anyio.create_task_group() as group:
            for number, request in enumerate(requests):
                group.start_soon(one, number, request)
    return [done[number] for number in range(len(requests))]


def reason_of(error: BudgetError) -> str:
    """Say why nothing more is sent."""
    return "the price has risen" if isinstance(error, PriceError) else "the budget is used up"


async def _check(ledger: Ledger, server: JobServer[Any], intent: Intent) -> None:
    """Find faults in a request that is new; one that is in the ledger was checked then."""
    if not await ledger.jobs(JobFilter(keys=(intent.key,))):
        await server.check(intent.request)


@task(name="submit", retries=0, persist_result=False)
async def submit_task(
    ledger: str,
    requests: list[AnyRequest],
    server: str,
    run_key: str = "",
    deadline_hours: float | None = None,
) -> list[Submission]:
    """Make remote jobs, each once: asked for again, the first one is given.

    Args:
        ledger: Name of the Job Ledger block.
        requests: What is asked for.
        server: Block of the server, as `type-slug/name`.
        run_key: Another one asks for the same things once more, on purpose.
        deadline_hours: How long anybody waits for them; None sets no limit.

    Raises:
        InvalidInputError: A request is of no registered service; a block is missing or of another service.
        LedgerError: The ledger cannot be used.
    """
    deadline = None if deadline_hours is None else timedelta(hours=deadline_hours)
    asked = [read_request(request) for request in requests]
    async with open_desk(ledger) as desk:
        done = await submit_jobs(desk, asked, server, run_key=run_key, deadline=deadline)
    failed = sum(bool(one.error) for one in done)
    run_logger().info("%d of %d requests have a job, %d have not", len(done) - failed, len(done), failed)
    return done
