"""Remote jobs: one model for all services, submission that never doubles, one tracker.

The names are those of whoever has jobs made, or describes a service that makes them.
"""

from typing import TYPE_CHECKING

from eoflows.base.lazy import lazily

if TYPE_CHECKING:
    from eoflows.jobs.collection import Collection, collect
    from eoflows.jobs.ledger import Intent, JobFilter, JobRecord, Ledger
    from eoflows.jobs.models import Billing, Capabilities, JobRef, JobRequest, JobState, Phase, Recognition
    from eoflows.jobs.registry import AnyRequest, read_request
    from eoflows.jobs.resolve import resolve_job
    from eoflows.jobs.service import Call, JobPage, JobServer, JobService, Output
    from eoflows.jobs.submission import submit
    from eoflows.jobs.tracker import track_round
    from eoflows.jobs.wait import wait_for_jobs
else:
    __getattr__, __dir__ = lazily(__name__)

__all__ = [
    "AnyRequest",
    "Billing",
    "Call",
    "Capabilities",
    "Collection",
    "Intent",
    "JobFilter",
    "JobPage",
    "JobRecord",
    "JobRef",
    "JobRequest",
    "JobServer",
    "JobService",
    "JobState",
    "Ledger",
    "Output",
    "Phase",
    "Recognition",
    "collect",
    "read_request",
    "resolve_job",
    "submit",
    "track_round",
    "wait_for_jobs",
]
