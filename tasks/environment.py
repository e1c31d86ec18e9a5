"""The opened environment: one per flow run and owner, shared by the tasks that run in its process."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from eoflows.blocks import EoEnvironment
from eoflows.products.environment import FlowEnv, FlowEnvArgs
from eoflows.tasks.limits import host_slots
from eoflows.tasks.load import load_block

__all__ = ["current", "opened"]

_current: ContextVar[FlowEnv | None] = ContextVar("eoflows_environment", default=None)


@asynccontextmanager
async def opened(env: FlowEnvArgs, *, writable: bool = True) -> AsyncIterator[FlowEnv]:
    """Open an environment, or take the one that an enclosing task or flow has opened for the same owner.

    Args:
        env: Who for, and in which environment.
        writable: Whether the catalogue may be created and written; searches and plans leave no trace.

    Raises:
        InvalidInputError: There is no such environment block, or it does not serve the owner.
    """
    outer = current()
    if outer is not None and _same(outer.args, env) and (outer.writable or not writable):
        yield outer
        return
    block = await load_block(EoEnvironment, env.environment)
    async with host_slots() as slot, block.open(env, slot=slot, writable=writable) as flow_env:
        token = _current.set(flow_env)
        try:
            yield flow_env
        finally:
            _current.reset(token)


def current() -> FlowEnv | None:
    """Give the environment that an enclosing task or flow has opened, or None."""
    return _current.get()


def _same(one: FlowEnvArgs, other: FlowEnvArgs) -> bool:
    return (one.environment, one.owner_id) == (other.environment, other.owner_id)
