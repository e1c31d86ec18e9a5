"""Makes a work pool with our base job template, and its work queues.

    python -m eoflows.deployments.pools                              processes on the worker's host
    python -m eoflows.deployments.pools --type docker --name containers --image example.org/eoflows:0.1.0

Applied again it changes what differs and nothing else; what an operator set in the pool is kept and named. It
talks to the Prefect server of `PREFECT_API_URL`.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, get_args

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import WorkQueue
from prefect.exceptions import ObjectNotFound

from eoflows.deployments.errors import StackError
from eoflows.deployments.pool_templates import QUEUES, Applied, PoolType, apply_template
from eoflows.deployments.stack import POOL

__all__ = ["QUEUES", "Pool", "apply"]

_QUEUE: Final = "/work_pools/{work_pool_name}/queues/{name}"


@dataclass(frozen=True)
class Pool:
    """The work pool that is wanted."""

    name: str = POOL
    kind: PoolType = "process"
    python: str = sys.executable
    """Interpreter of the workers; for processes only."""
    image: str | None = None
    """Image that has this checkout; for containers only."""


async def apply(pool: Pool) -> list[str]:
    """Make a work pool and its queues what we want, and say what was done, a line each.

    Raises:
        StackError: There is a pool of that name and another type, or containers lack an image.
    """
    if pool.kind != "process" and not pool.image:
        raise StackError(f"a {pool.kind} pool needs the image that docker/Dockerfile builds: --image")
    async with get_client() as client:
        return [*await _apply_template(client, pool), *await _apply_queues(client, pool.name)]


async def _apply_template(client: PrefectClient, pool: Pool) -> list[str]:
    workers = await client.read_worker_metadata()
    prefects = _prefects(workers, pool.kind)
    try:
        there = await client.read_work_pool(pool.name)
    except ObjectNotFound:
        done = _applied(pool, prefects, {})
        await client.create_work_pool(
            WorkPoolCreate(name=pool.name, type=pool.kind, base_job_template=done.template)
        )
        return [f"pool {pool.name}: made, for {pool.kind}"]
    if there.type != pool.kind:
        raise StackError(f"pool {pool.name} is for {there.type}, not for {pool.kind}: choose another --name")
    done = _applied(pool, prefects, there.base_job_template)
    kept = [f"pool {pool.name}: {line}" for line in done.kept]
    if done.template == there.base_job_template:
        return [f"pool {pool.name}: as it should be", *kept]
    await client.update_work_pool(pool.name, WorkPoolUpdate(base_job_template=done.template))
    return [f"pool {pool.name}: template changed", *kept]


def _prefects(workers: dict[str, Any], kind: PoolType) -> dict[str, Any]:
    """Return Prefect's own template for a type of worker."""
    found = [types[kind] for types in workers.values() if kind in types]
    template: dict[str, Any] = found[0]["default_base_job_configuration"]
    return template


def _applied(pool: Pool, prefects: dict[str, Any], existing: dict[str, Any]) -> Applied:
    if pool.kind == "process":
        return apply_template(pool.kind, prefects, existing, python=pool.python)
    return apply_template(pool.kind, prefects, existing, image=pool.image)


async def _apply_queues(client: PrefectClient, pool: str) -> list[str]:
    """Make the missing queues and put all into their order; others keep theirs.

    The server keeps priorities apart: one that is taken moves its holder, and those after it, down.
    """
    lines = []
    last = 0
    for name, description in QUEUES.items():
        queues = {queue.name: queue for queue in await client.read_work_queues(work_pool_name=pool)}
        queue = queues.get(name)
        if queue is None:
            queue = await client.create_work_queue(
                name, description=description, work_pool_name=pool, priority=last + 1
            )
            lines.append(f"queue {name}: made")
        elif not _in_order(name, queues):
            # The client's own method leaves two queues with one priority.
            place = {"work_pool_name": pool, "name": name}
            await client.request("PATCH", _QUEUE, path_params=place, json={"priority": last + 1})
            lines.append(f"queue {name}: moved")
        last = (await client.read_work_queue(queue.id)).priority
    return lines


def _in_order(name: str, queues: dict[str, WorkQueue]) -> bool:
    """Tell whether a queue is after all that should be before it, and before all that should be after."""
    order = list(QUEUES)
    place, own = order.index(name), queues[name].priority
    before = [queues[other].priority for other in order[:place] if other in queues]
    after = [queues[other].priority for other in order[place + 1 :] if other in queues]
    return all(other < own for other in before) and all(own < other for other in after)


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line, apply, and return the exit code."""
    wanted = Pool()
    parser = argparse.ArgumentParser(
        prog="python -m eoflows.deployments.pools",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    add = parser.add_argument
    add("--type", choices=get_args(PoolType), default=wanted.kind, help="what workers start (%(default)s)")
    add("--name", default=wanted.name, help="name of the pool (%(default)s)")
    add("--image", help="image of containers; it is set in any case")
    add("--python", default=wanted.python, help="the workers' interpreter, for processes (%(default)s)")
    given = parser.parse_args(arguments)
    try:
        lines = asyncio.run(apply(Pool(given.name, given.type, given.python, given.image)))
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(*lines, sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
