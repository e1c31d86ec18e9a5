"""Figures of a ledger, for whoever watches an installation."""

from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from eoflows.jobs.ledger.tables import endpoints, jobs
from eoflows.jobs.ledger.transaction import Look

__all__ = ["Figures", "figures"]


@dataclass(frozen=True)
class Figures:
    """What a ledger has.

    Attributes:
        jobs: Number by service and phase.
        wanted: Jobs whose results are not fetched yet, by service.
        files: Files of results that were fetched, by service.
        bytes: Their bytes, by service.
        untold: Ends that were not told yet.
        failures: Rounds in a row without an answer, by service and endpoint.
    """

    jobs: Mapping[tuple[str, str], int]
    wanted: Mapping[str, int]
    files: Mapping[str, int]
    bytes: Mapping[str, int]
    untold: int
    failures: Mapping[tuple[str, str], int]


def figures(look: Look) -> Figures:
    """Count everything in one look."""
    number = sa.func.count()
    by_phase = sa.select(jobs.c.service, jobs.c.phase, number).group_by(jobs.c.service, jobs.c.phase)
    by_service = sa.select(jobs.c.service, number).where(jobs.c.wanted).group_by(jobs.c.service)
    failing = sa.select(endpoints.c.service, endpoints.c.endpoint, endpoints.c.failures)
    files: dict[str, int] = {}
    size: dict[str, int] = {}
    fetched = sa.select(jobs.c.service, jobs.c.outputs).where(jobs.c.collected_at.is_not(None))
    for service, outputs in look.connection.execution_options(yield_per=1000).execute(fetched):
        files[service] = files.get(service, 0) + len(outputs or {})
        size[service] = size.get(service, 0) + sum(one.get("size") or 0 for one in (outputs or {}).values())
    untold = sa.select(number).where(jobs.c.untold)
    return Figures(
        jobs={(service, phase): count for service, phase, count in look.connection.execute(by_phase)},
        wanted=dict(look.connection.execute(by_service).tuples().all()),
        files=files,
        bytes=size,
        untold=look.connection.execute(untold).scalar_one(),
        failures={
            (service, endpoint): count for service, endpoint, count in look.connection.execute(failing)
        },
    )
