"""A project and a ledger: what is needed to order."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from eoflows.base.current_client import enter, leave
from eoflows.base.errors import InvalidInputError
from eoflows.jobs.ledger import Ledger
from eoflows.jobs.service import JobServer
from eoflows.jobs.tracker import Pace
from eoflows.services.earth_engine.project import EarthEngineProject
from eoflows.services.earth_engine.stores import PreArdStore
from eoflows.services.earth_engine.tracking import Session

__all__ = ["EarthEngineClient"]


@dataclass(frozen=True)
class EarthEngineClient:
    """Who orders, and where it is remembered. `with client:` makes it the one that calls inside use.

    Attributes:
        project: The project.
        ledger: File or URL of the ledger, as `eoflows.jobs.ledger.Ledger` takes it.
        lease: Seconds for which a submission is nobody else's.
        lost_after: Seconds for which the project must deny an order that it had before it counts as lost.
        pace: How often the project is asked by `update` and `submit`.
    """

    project: EarthEngineProject
    ledger: str | Path
    lease: float = field(default=180.0, kw_only=True)
    lost_after: float = field(default=3600.0, kw_only=True)
    pace: Pace = field(default_factory=Pace, kw_only=True)

    def __enter__(self) -> Self:
        enter(self)
        return self

    def __exit__(self, *_: object) -> None:
        leave(self)

    @asynccontextmanager
    async def session(self, store: PreArdStore) -> AsyncIterator[Session]:
        """Open project, ledger and store.

        Args:
            store: Where documents are.
        """
        async with (
            Ledger(str(self.ledger), lease=self.lease, absence=self.lost_after, create=True) as ledger,
            self.project.open() as server,
            store.open() as opened,
        ):
            yield Session(
                server, self.project.server_name, self.open_server, ledger, opened, store.service, self.pace
            )

    @asynccontextmanager
    async def open_server(self, service: str, name: str) -> AsyncIterator[JobServer[Any]]:
        """Open the project for the tracker.

        Raises:
            InvalidInputError: Another service or project is meant.
        """
        if (service, name) != ("earth_engine", self.project.server_name):
            raise InvalidInputError(f"this client has no settings for {name!r} of {service!r}")
        async with self.project.open() as server:
            yield server
