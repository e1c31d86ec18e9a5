"""Jobs from submission to results, in one run as far as its time allows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Completed, Failed

from eoflows.base.errors import EoError, OutcomeUnknownError, PartialError
from eoflows.jobs.collection import Collection
from eoflows.jobs.ledger import JobFilter, JobRecord
from eoflows.jobs.models import Phase
from eoflows.jobs.registry import AnyRequest
from eoflows.tasks.collect import collect_jobs_of, publish_collections
from eoflows.tasks.decide import cancel_run
from eoflows.tasks.job_tables import counted, publish_jobs
from eoflows.tasks.servers import Desk, open_desk
from eoflows.tasks.submit import Submission, submit_task
from eoflows.tasks.track import follow_jobs

__all__ = [
    "JobsOutcome",
    "StopPolicy",
    "ending_state",
    "follow_submissions",
    "run_state",
    "submit_and_follow",
    "when_cancelled",
    "when_crashed",
]

StopPolicy = Literal["cancel", "leave"]

_LONGEST_MESSAGE = 3000


@dataclass
class JobsOutcome:
    """What a run has to say of its jobs.

    Attributes:
        submissions: One per request.
        records: The jobs, as far as they were followed.
        collections: What was fetched of them.
    """

    submissions: Sequence[Submission]
    records: Sequence[JobRecord] = ()
    collections: Sequence[Collection] = field(default_factory=list)

    @property
    def errors(self) -> dict[str, BaseException]:
        """What went wrong, by key of the job."""
        found: dict[str, BaseException] = {
            one.key: EoError(one.error) for one in self.submissions if one.error
        }
        for record in self.records:
            if record.closed and record.phase is not Phase.SUCCEEDED:
                found.setdefault(
                    record.key, EoError(f"{record.phase}: {record.message or record.raw_status}")
                )
        found |= {one.record.key: EoError(one.error) for one in self.collections if one.error}
        return found

    @property
    def doubtful(self) -> bool:
        """Whether nobody knows whether some jobs exist."""
        return any(one.record is not None and one.record.doubtful for one in self.submissions)

    def to_dict(self) -> dict[str, Any]:
        """Give it as plain values."""
        phases: dict[str, list[str]] = {}
        for record in self.records:
            phases.setdefault(str(record.phase), []).append(record.key)
        outputs = {
            record.key: dict(record.outputs or {})
            for record in self.records
            if record.collected_at is not None
        }
        return {
            "jobs": phases,
            "outputs": outputs,
            "errors": {key: str(one) for key, one in self.errors.items()},
        }


async def submit_and_follow(
    requests: Sequence[AnyRequest],
    server: str,
    ledger: str,
    *,
    run_key: str = "",
    wait_seconds: float = 600.0,
    deadline_hours: float | None = None,
    fetch: Literal["now", "later"] = "now",
) -> JobsOutcome:
    """Submit requests, wait up to a bound, fetch results, and show all that in the UI.

    Args:
        requests: What is asked for, all of one service.
        server: Block of the server, as `type-slug/name`.
        ledger: Name of the Job Ledger block.
        run_key: Another one asks for the same things once more, on purpose.
        wait_seconds: How long to wait.
        deadline_hours: How long anybody waits for the jobs.
        fetch: Whether to fetch the results now.
    """
    submissions = await submit_task(ledger, list(requests), server, run_key, deadline_hours)
    async with open_desk(ledger) as desk:
        return await follow_submissions(desk, submissions, wait_seconds=wait_seconds, fetch=fetch)


async def follow_submissions(
    desk: Desk, submissions: Sequence[Submission], *, wait_seconds: float, fetch: Literal["now", "later"]
) -> JobsOutcome:
    """Wait up to a bound for jobs that were submitted, fetch their results, and show all that in the UI.

    Args:
        desk: The opened ledger.
        submissions: What became of the requests.
        wait_seconds: How long to wait.
        fetch: Whether to fetch the results now.
    """
    keys = [one.key for one in submissions if one.record is not None and one.record.remote_id]
    records = await follow_jobs(desk, keys, wait_seconds, artifact="jobs-progress") if keys else []
    wanted = [record.key for record in records if record.wanted]
    collections: list[Collection] = []
    if wanted and fetch == "now":
        collections = await collect_jobs_of(desk, most=len(wanted), keys=wanted)
        await publish_collections(collections, desk.results.href("jobs/index").removesuffix("index"))
    shown = {one.key: one.record for one in submissions if one.record is not None}
    shown |= {record.key: record for record in await desk.ledger.jobs(JobFilter(keys=keys))}
    await publish_jobs("jobs", f"{len(submissions)} requests.", list(shown.values()))
    return JobsOutcome(submissions, [shown[key] for key in keys], collections)


def run_state(outcome: JobsOutcome) -> State[dict[str, Any]]:
    """Give the state that a run ends in: a partial result is never called a success."""
    return ending_state(outcome, outcome.errors, len(outcome.submissions))


def ending_state(
    outcome: JobsOutcome, errors: Mapping[str, BaseException], count: int
) -> State[dict[str, Any]]:
    """Give the state that a run ends in.

    Args:
        outcome: What became of the jobs.
        errors: What went wrong, by name.
        count: How many jobs were wanted.
    """
    going = [record for record in outcome.records if not record.closed]
    words = counted(outcome.records)
    if outcome.doubtful:
        doubt = next(
            one.error for one in outcome.submissions if one.record is not None and one.record.doubtful
        )
        return Failed(name="OutcomeUnknown", message=doubt, data=OutcomeUnknownError(doubt))
    if errors:
        name = "Partial" if len(errors) < count else "Failed"
        error = PartialError(f"{len(errors)} of {count} failed; {words}", errors)
        return Failed(name=name, message=str(error)[:_LONGEST_MESSAGE], data=error)
    if going:
        words = f"{words}; track-jobs follows them"
        return Completed(name="StillRunning", message=words, data=outcome.to_dict())
    return Completed(message=words, data=outcome.to_dict())


# Prefect calls hooks by these names of their arguments, in a process that knows nothing of the run.
async def when_cancelled(flow: Any, flow_run: FlowRun, state: State[Any]) -> None:
    """Stop or leave the jobs of a cancelled run, as its parameter `on_cancel` says; a hook of flows."""
    await _cancel_left_jobs(flow_run, flow_run.parameters.get("on_cancel", "cancel"))


async def when_crashed(flow: Any, flow_run: FlowRun, state: State[Any]) -> None:
    """Stop or leave the jobs of a crashed run, as its parameter `on_crash` says; a hook of flows."""
    await _cancel_left_jobs(flow_run, flow_run.parameters.get("on_crash", "leave"))


async def _cancel_left_jobs(flow_run: FlowRun, policy: StopPolicy) -> None:
    if policy == "cancel":
        await cancel_run(flow_run, str(flow_run.parameters.get("ledger", "default")))
