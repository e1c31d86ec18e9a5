"""The ledger of remote jobs and money: the one room that talks SQL to it.

A job is written here before it is asked for, so that whatever dies, it is never asked for twice and never
forgotten. SQLite serves the workers of one host, PostgreSQL those of many.
"""

from eokit.ledger.approvals import Approval, ApprovalState
from eokit.ledger.figures import Figures
from eokit.ledger.intents import Lease, Likeness, Rivals
from eokit.ledger.ledger import Ledger
from eokit.ledger.queries import JobFilter
from eokit.ledger.records import Balance, EndpointClaim, Finding, Intended, Intent, JobRecord, Reservation

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
