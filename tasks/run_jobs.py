"""Jobs from submission to results, in one run as far as its time allows."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from prefect.client.schemas.objects import FlowRun, State

from eoflows.base.errors import EoError, OutcomeUnknownError
from eoflows.jobs.collection import Collection
from eoflows.jobs.ledger import JobFilter, JobRecord
from eoflows.jobs.models import Phase
from eoflows.jobs.registry import AnyRequest
from eoflows.tasks.collect import collect_jobs_of, collected, results_link
from eoflows.tasks.decide import cancel_run
from eoflows.tasks.job_submission import Submission, submit_task
from eoflows.tasks.job_tables import counted, progress_of, shown_jobs
from eoflows.tasks.job_tracking import follow_jobs
from eoflows.tasks.outcome import Outcome, Row
from eoflows.tasks.parameters import StopPolicy
from eoflows.tasks.progress import show, shown_progress
from eoflows.tasks.servers import Desk, open_desk

__all__ = [
    "JobsOutcome",
    "follow_submissions",
    "jobs_ended",
    "submit_and_follow",
    "when_cancelled",
    "when_crashed",
]


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
    records: Sequence[JobRecord] = ()
    collections: list[Collection] = []
    async with shown_progress("jobs-progress", lambda: progress_of(records)):
        if keys:
            records = await follow_jobs(desk, keys, wait_seconds, artifact="jobs-progress")
        wanted = [record.key for record in records if record.wanted]
        if wanted and fetch == "now":
            collections = await collect_jobs_of(desk, most=len(wanted), keys=wanted)
    shown = {one.key: one.record for one in submissions if one.record is not None}
    shown |= {record.key: record for record in await desk.ledger.jobs(JobFilter(keys=keys))}
    fetched = collected(collections)
    title = f"{len(submissions)} requests."
    outcome = shown_jobs(title, list(shown.values()), None)
    if collections:
        rows = {str(row["job"]): row for row in fetched.rows}
        outcome = replace(
            outcome,
            sentence=f"{outcome.sentence} {fetched.sentence}",
            rows=[_with_results(row, rows.get(str(row["job"]))) for row in outcome.rows],
        )
    await show("jobs", outcome, link=results_link(desk) if collections else None)
    return JobsOutcome(submissions, [shown[key] for key in keys], collections)


def _with_results(job: Row, fetched: Row | None) -> Row:
    if fetched is None:
        return job
    told = {name: fetched[name] for name in ("files", "size", "first")}
    why = "; ".join(str(text) for text in (job["message"], fetched["why"]) if text)
    return {**job, "results": fetched["outcome"], **told, "message": why}


def jobs_ended(
    outcome: JobsOutcome, errors: Mapping[str, BaseException] | None = None, count: int | None = None
) -> Outcome[dict[str, Any]]:
    """Give the outcome of a run that makes jobs: a partial result is never called a success.

    Args:
        outcome: What became of the jobs.
        errors: What went wrong, by name; None: with the jobs.
        count: How many jobs were wanted; None: as many as were asked for.
    """
    words, result = counted(outcome.records), outcome.to_dict()
    if outcome.doubtful:
        doubt = next(
            one.error for one in outcome.submissions if one.record is not None and one.record.doubtful
        )
        error = OutcomeUnknownError(doubt)
        return Outcome(name="OutcomeUnknown", sentence=doubt, result=result, error=error)
    errors = outcome.errors if errors is None else errors
    if errors:
        count = len(outcome.submissions) if count is None else count
        return Outcome.of_many(f"{len(errors)} of {count} failed; {words}", result, errors, count)
    if any(not record.closed for record in outcome.records):
        sentence = f"{words}; track-jobs follows them"
        return Outcome(name="StillRunning", sentence=sentence, result=result)
    return Outcome(sentence=words, result=result)


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
