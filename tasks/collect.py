"""The verb `collect`: the results of jobs that succeeded, fetched once and verified."""

from collections.abc import Sequence

from prefect import task

from eoflows.base.errors import EoError, public_url
from eoflows.jobs.collection import Collection, collect
from eoflows.tasks.outcome import Outcome, Row
from eoflows.tasks.progress import Link, show, shown_progress
from eoflows.tasks.publish import human_bytes
from eoflows.tasks.servers import Desk, open_desk, open_server

__all__ = ["collect_jobs_of", "collect_task", "collected", "results_link"]

_BATCH = 20


async def collect_jobs_of(
    desk: Desk, *, most: int = 500, keys: Sequence[str] | None = None, artifact: str = "collect-progress"
) -> list[Collection]:
    """Fetch results batch by batch, so that several runs share the work.

    Args:
        desk: The opened ledger.
        most: Jobs at the most.
        keys: Only these; None: all that are due.
        artifact: Key of the progress artifact.
    """
    done: list[Collection] = []

    def reading() -> tuple[float, str]:
        size = _size(done)
        total = len(keys) if keys is not None else most
        return 100.0 * len(done) / max(1, total), f"results of {len(done)} jobs fetched, {human_bytes(size)}"

    async with shown_progress(artifact, reading):
        while len(done) < most:
            room = min(_BATCH, most - len(done))
            batch = await collect(desk.ledger, open_server, desk.results, most=room, keys=keys)
            done += batch
            if keys is not None:
                seen = {one.record.key for one in done}
                keys = [key for key in keys if key not in seen]
            if not batch or keys == []:
                break
    return done


def results_link(desk: Desk) -> Link:
    """Give where the results of a ledger's jobs are."""
    return Link("results", desk.results.href("jobs/index").removesuffix("index"), "Results")


def collected(done: Sequence[Collection]) -> Outcome[int]:
    """Give the outcome of fetching: a row per job, failures first."""
    failed: dict[str, BaseException] = {one.record.key: EoError(one.error) for one in done if one.error}
    files = sum(len(one.outputs) for one in done)
    sentence = f"{len(done) - len(failed)} fetched: {files} files, {human_bytes(_size(done))}"
    return Outcome.of_many(
        sentence + (f"; {len(failed)} failed." if failed else "."),
        len(done) - len(failed),
        failed,
        len(done),
        rows=[_row(one) for one in sorted(done, key=lambda one: not one.error)],
        attention=len(failed),
        nothing={"job": "none"},
    )


def _size(done: Sequence[Collection]) -> int:
    return sum(output["size"] for one in done for output in one.outputs.values())


def _row(one: Collection) -> Row:
    outcome = "fetched" if not one.error else ("failed, tried again later" if one.again else "failed")
    return {
        "job": one.record.key[:12],
        "process": one.record.process,
        "outcome": outcome,
        "files": len(one.outputs),
        "size": human_bytes(_size([one])),
        "first": public_url(next((str(output["href"]) for output in one.outputs.values()), "")),
        "why": one.error,
    }


@task(name="collect", persist_result=False)
async def collect_task(ledger: str, keys: list[str] | None = None, most: int = 500) -> list[Collection]:
    """Fetch the results of jobs that have succeeded.

    Args:
        ledger: Name of the Job Ledger block.
        keys: Only these jobs; None: all whose results are due.
        most: Jobs at the most.

    Raises:
        InvalidInputError: There is no such block.
        LedgerError: The ledger cannot be used.
    """
    async with open_desk(ledger) as desk:
        done = await collect_jobs_of(desk, most=most, keys=keys)
        await show("collected", collected(done), link=results_link(desk))
        return done
