"""The ledger of remote jobs and money: the one room that talks SQL to it.

A job is written here before it is asked for, so that whatever dies, it is never asked for twice and never
forgotten. SQLite serves the workers of one host, PostgreSQL those of many.
"""

from eoflows.jobs.ledger.approvals import Approval, ApprovalState
from eoflows.jobs.ledger.figures import Figures
from eoflows.jobs.ledger.intents import Likeness, Rivals
from eoflows.jobs.ledger.ledger import Ledger
from eoflows.jobs.ledger.queries import JobFilter
from eoflows.jobs.ledger.records import (
    Balance,
    EndpointClaim,
    Finding,
    Intended,
    Intent,
    JobRecord,
    Reservation,
)
from eoflows.jobs.ledger.transaction import Lease

__all__ = [
    "Approval",
    "ApprovalState",
    "Balance",
    "EndpointClaim",
    "Figures",
    "Finding",
    "Intended",
    "Intent",
    "JobFilter",
    "JobRecord",
    "Lease",
    "Ledger",
    "Likeness",
    "Reservation",
    "Rivals",
]
