"""Ordered alternatives, as in task tables: the first that finds something wins.

Absent, unreachable and refused are kept apart. Only what is known to be absent makes room for the
second best; a source that did not answer may have the best, unless the table says that this is no matter.
"""

from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from eoflows.base.errors import DeadlineError, RefusedError, ServiceError

__all__ = ["Attempt", "Finding", "Trail", "first_found"]

A = TypeVar("A")
R = TypeVar("R")


class Finding(StrEnum):
    """How the search for one alternative ended."""

    FOUND = "found"
    ABSENT = "absent"
    UNREACHABLE = "unreachable"
    REFUSED = "refused"


@dataclass(frozen=True)
class Attempt(Generic[A]):
    """One alternative that was tried.

    Attributes:
        alternative: Which.
        finding: How it ended.
        reason: The error's message, or an empty text.
    """

    alternative: A
    finding: Finding
    reason: str = ""


@dataclass(frozen=True)
class Trail(Generic[A, R]):
    """What was tried, in order.

    Attributes:
        attempts: The alternatives up to the one that ended the search.
        result: What was found, or None.
    """

    attempts: tuple[Attempt[A], ...]
    result: R | None

    @property
    def finding(self) -> Finding:
        """How it ended in all: absent only if every alternative is known to be absent."""
        findings = [attempt.finding for attempt in self.attempts]
        order = (Finding.FOUND, Finding.UNREACHABLE, Finding.REFUSED)
        return next((finding for finding in order if finding in findings), Finding.ABSENT)


async def first_found(
    alternatives: Sequence[A],
    search: Callable[[A], Awaitable[R]],
    *,
    is_found: Callable[[R], bool],
    next_when: Collection[Finding] = (Finding.ABSENT,),
) -> Trail[A, R]:
    """Try alternatives in order until one finds something.

    Args:
        alternatives: What to try.
        search: Tries one.
        is_found: Whether it found something; if so, the others are not tried, even if it could not be
            staged.
        next_when: After which findings the next alternative is tried.

    Returns:
        What was tried. An alternative whose service did not answer or broke its contract is
        unreachable: nothing is known of it.
    """
    attempts: list[Attempt[A]] = []
    for alternative in alternatives:
        try:
            result = await search(alternative)
        except RefusedError as error:
            attempts.append(Attempt(alternative, Finding.REFUSED, str(error)))
        except (ServiceError, DeadlineError) as error:
            attempts.append(Attempt(alternative, Finding.UNREACHABLE, str(error)))
        else:
            if is_found(result):
                return Trail((*attempts, Attempt(alternative, Finding.FOUND)), result)
            attempts.append(Attempt(alternative, Finding.ABSENT))
        if attempts[-1].finding not in next_when:
            break
    return Trail(tuple(attempts), None)
