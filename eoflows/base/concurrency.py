"""One convention for failures of concurrent work."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

__all__ = ["one_error"]


@asynccontextmanager
async def one_error() -> AsyncIterator[None]:
    """Around a task group: raise the first failure itself, not a group of one.

    The first failure cancels the other tasks, so it is the cause; failures that happened at the
    same moment are added to it as notes.
    """
    try:
        yield
    except BaseExceptionGroup as group:
        first, *others = _leaves(group)
        for other in others:
            first.add_note(f"at the same time: {type(other).__name__}: {other}")
        raise first from first.__cause__


def _leaves(group: BaseExceptionGroup[BaseException]) -> Iterator[BaseException]:
    for error in group.exceptions:
        if isinstance(error, BaseExceptionGroup):
            yield from _leaves(error)
        else:
            yield error
