"""The verb `collect`: the results of jobs that succeeded, fetched once and verified."""

from collections.abc import Sequence
from typing import Any

from prefect import task
from prefect.artifacts import acreate_link_artifact, acreate_table_artifact

from eoflows.base.errors import public_url
from eoflows.jobs.collection import Collection, collect
from eoflows.tasks.logs import run_logger
from eoflows.tasks.progress import shown_progress
from eoflows.tasks.publish import human_bytes
from eoflows.tasks.servers import Desk, open_desk, open_server

__all__ = ["collect_jobs_of", "collect_task", "publish_collections"]

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
        size = sum(output["size"] for one in done for output in one.outputs.values())
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


async def publish_collections(done: Sequence[Collection], where: str) -> str:
    """Publish a table with a row per job, failures first, and a link to the results; give the sentence."""
    failed = sum(bool(one.error) for one in done)
    files = sum(len(one.outputs) for one in done)
    size = sum(output["size"] for one in done for output in one.outputs.values())
    sentence = f"Results of {len(done) - failed} jobs fetched: {files} files, {human_bytes(size)}"
    sentence += f"; {failed} jobs failed." if failed else "."
    rows = [_row(one) for one in sorted(done, key=lambda one: not one.error)[:200]]
    await acreate_table_artifact(rows or [{"job": "none"}], key="collected", description=f"**{sentence}**")
    await acreate_link_artifact(where, link_text="Results", key="collected-results", description=sentence)
    return sentence


def _row(one: Collection) -> dict[str, Any]:
    outcome = "fetched" if not one.error else ("failed, tried again later" if one.again else "failed")
    return {
        "job": one.record.key[:12],
        "process": one.record.process,
        "outcome": outcome,
        "files": len(one.outputs),
        "size": human_bytes(sum(output["size"] for output in one.outputs.values())),
        "first": public_url(next((str(output["href"]) for output in one.outputs.values()), "")),
        "why": one.error[:300],
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
        sentence = await publish_collections(done, desk.results.href("jobs/index").removesuffix("index"))
        run_logger().info("%s", sentence)
        return done
