"""Where coarse pieces of a run's work are done: in its own process, or on the workers of a Dask cluster.

A piece is a task run of seconds or more: a batch of products, the dates of a tile.
"""

import re
from collections.abc import AsyncIterator, Coroutine
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import anyio
from prefect import Flow, Task
from prefect.context import FlowRunContext
from prefect.utilities.callables import get_call_parameters

from eoflows.base.errors import InvalidInputError, UnreachableError

if TYPE_CHECKING:
    from prefect_dask.task_runners import DaskTaskRunner, PrefectDaskFuture

__all__ = ["Spread", "spread"]

Result = TypeVar("Result")
Work = Task[..., Coroutine[Any, Any, Result]]

_LOCAL = re.compile(r"local(?::([1-9]\d*))?")
_ADDRESS = re.compile(r"(tcp|tls|ws|wss)://\S+:\d+")


LOOK_SECONDS = 15.0
"""So often it is asked whether the cluster still has workers."""

_LOOKS = 3


@dataclass(frozen=True)
class Spread:
    """Where tasks run.

    Attributes:
        workers: Worker processes when it was opened; 0 is this process alone.
    """

    workers: int = 0
    _runner: "DaskTaskRunner | None" = None

    async def run(self, work: Work[Result], *arguments: Any) -> Result:
        """Run a task to its end, wherever there is room for it.

        Args:
            work: The task.
            arguments: Its arguments, in their order; what a cluster gets must be picklable.

        Raises:
            UnreachableError: The cluster has lost all its workers.
            Exception: The task's own error.
        """
        if self._runner is None:
            return await work(*arguments)
        with _bare_context():
            future = self._runner.submit(work, get_call_parameters(work.fn, arguments, {}))
        empty = 0
        while not _done(future):
            await anyio.to_thread.run_sync(future.wait, LOOK_SECONDS, abandon_on_cancel=True)
            # A worker that died is replaced within seconds; without any, Dask would wait for ever.
            there = await anyio.to_thread.run_sync(_count, self._runner)
            empty = 0 if there or _done(future) else empty + 1
            if empty == _LOOKS:
                raise UnreachableError("the Dask cluster has lost all its workers; look at their logs")
        return await anyio.to_thread.run_sync(future.result)


def _done(future: "PrefectDaskFuture[Any]") -> bool:
    return bool(future.wrapped_future.done())  # type: ignore[no-untyped-call]


def _bare_context() -> AbstractContextManager[object]:
    """Keep the flow's function out of what is sent: types in its signature may be unknown elsewhere.

    A parametrised pydantic class, like `State[dict[str, Any]]`, belongs to the module that first named it.
    """
    context = FlowRunContext.get()
    if context is None or context.flow is None:
        return nullcontext()
    return context.model_copy(update={"flow": Flow(_nothing, name=context.flow.name)})


def _nothing() -> None:
    """Stand for the flow."""


@asynccontextmanager
async def spread(dask: str) -> AsyncIterator[Spread]:
    """Open what runs tasks.

    Args:
        dask: Empty: this process. `local` or `local:4`: so many processes on this machine (a process for
            each core without a number). `tcp://host:port`: the scheduler of a Dask cluster.

    Raises:
        InvalidInputError: It is none of these, prefect-dask is not installed, or the cluster has no workers.
    """
    if not dask:
        yield Spread()
        return
    runner = _runner(dask)
    # A cluster of processes takes seconds to start and to end; the loop goes on meanwhile.
    await anyio.to_thread.run_sync(runner.__enter__)
    try:
        yield Spread(await anyio.to_thread.run_sync(_workers, runner, dask), runner)
    finally:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(runner.__exit__, None, None, None)


def _runner(dask: str) -> "DaskTaskRunner":
    local, address = _LOCAL.fullmatch(dask), _ADDRESS.fullmatch(dask)
    if not local and not address:
        raise InvalidInputError(
            f"dask is {dask!r}; give nothing, `local`, `local:4`, or the address of a scheduler like "
            "tcp://127.0.0.1:8786"
        )
    from prefect_dask.task_runners import DaskTaskRunner  # noqa: PLC0415

    if address:
        return DaskTaskRunner(address=dask)
    processes = int(local[1]) if local and local[1] else None
    cluster = {"n_workers": processes, "threads_per_worker": 1, "dashboard_address": None}
    return DaskTaskRunner(cluster_kwargs=cluster)


def _workers(runner: "DaskTaskRunner", dask: str) -> int:
    try:
        found = _count(runner)
    except OSError as error:
        raise InvalidInputError(f"dask: no scheduler answers at {dask}: {error}") from error
    if not found:
        raise InvalidInputError(f"dask: the cluster at {dask} has no workers")
    return found


def _count(runner: "DaskTaskRunner") -> int:
    return len(runner.client.scheduler_info(n_workers=-1)["workers"])
