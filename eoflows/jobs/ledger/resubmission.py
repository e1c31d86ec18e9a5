"""Sending lost jobs again: only those that can have cost nothing, and only on somebody's decision."""

from collections.abc import Sequence

import sqlalchemy as sa

from eoflows.jobs.ledger.records import JobRecord
from eoflows.jobs.ledger.statements import FREE, change, columns_of, free_at, read_jobs
from eoflows.jobs.ledger.tables import jobs, reservations
from eoflows.jobs.ledger.transaction import Look
from eoflows.jobs.models import Billing, Phase
from eoflows.jobs.transitions import Event, Standing, moved

__all__ = ["MOST_ATTEMPTS", "resubmit_lost"]

MOST_ATTEMPTS = 3
"""A job that was sent so often and lost each time needs a person."""


def resubmit_lost(
    look: Look,
    services: Sequence[str],
    message: str,
    *,
    keys: Sequence[str] | None = None,
    attempts: int = MOST_ATTEMPTS,
) -> list[JobRecord]:
    """Make lost jobs planned ones, which the tracker sends when the service has room.

    A job for which money was ever set aside, or of which the service has named a price or a bill, stays lost:
    it may have run, and a second one would be paid for.

    Args:
        look: An open transaction.
        services: Names of the services' columns whose jobs are meant.
        message: Who decided, and why; kept with the job.
        keys: Only of these; None: of all.
        attempts: Jobs that were sent so often stay lost.

    Returns:
        The jobs that will be sent again.
    """
    condition = sa.and_(
        jobs.c.phase == str(Phase.LOST),
        jobs.c.service.in_(services),
        jobs.c.attempts < attempts,
        sa.or_(jobs.c.deadline_at.is_(None), jobs.c.deadline_at > look.now),
        jobs.c.cancel_wanted_at.is_(None),
        _costs_nothing(),
        free_at(look.now),
    )
    if keys is not None:
        condition &= jobs.c.key.in_(keys)
    move = moved(Standing(Phase.LOST, known=True), Event.RESUBMIT)
    # Its id stays until its service was asked once more, in the moment before anything is sent.
    forgotten = dict.fromkeys(("progress", "document", "started_at", "missing_since"))
    again = {**columns_of(move, look.now), **forgotten, "queued": True, "raw_status": "", **FREE}
    return [
        change(
            look,
            record,
            {**again, "fence": record.fence + 1, "message": f"{message}; lost was {record.remote_id}"},
        )
        for record in read_jobs(look.connection, condition, lock=True)
    ]


def _costs_nothing() -> sa.ColumnElement[bool]:
    priced = sa.exists().where(reservations.c.key == jobs.c.key)
    billed = jobs.c.billing.in_([str(one) for one in Billing if one is not Billing.NONE])
    credits = sa.func.coalesce(jobs.c.credits, 0)
    return sa.and_(~priced, ~billed, credits == 0, jobs.c.approval == "")
