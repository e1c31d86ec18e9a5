"""What a plan consists of."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from prefect.client.orchestration import PrefectClient
from prefect.client.schemas.responses import DeploymentResponse

__all__ = ["Ours", "UpgradeStep", "every"]

PAGE = 200
"""Objects that Prefect's server gives at a time."""

T = TypeVar("T")


@dataclass(frozen=True)
class UpgradeStep:
    """One thing that is not yet as this release has it."""

    subject: str
    """What it is about, like `deployment aux-staging/default`."""
    line: str
    """What is to become of it."""
    carry_out: Callable[[PrefectClient], Awaitable[object]] | None = None
    """Does it, whole or not at all; None: a person does."""

    def __str__(self) -> str:
        return f"{self.subject}: {self.line}"


@dataclass(frozen=True)
class Ours:
    """A deployment of one of our flows."""

    deployment: DeploymentResponse
    flow: str
    """Name of the flow."""
    entry_point: str
    """What its entry point is to be."""


class _Read(Protocol[T]):
    async def __call__(self, *, limit: int, offset: int) -> list[T]: ...


async def every(read: _Read[T]) -> list[T]:
    """Read all pages of something."""
    found: list[T] = []
    while page := await read(limit=PAGE, offset=len(found)):
        found += page
    return found
