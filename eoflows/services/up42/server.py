"""A workspace, opened for submission, tracking and collection."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from datetime import datetime
from typing import cast

from eoflows.jobs.service import JobPage, JobServer
from eoflows.services.up42.client import Up42Client
from eoflows.services.up42.request import Up42Request
from eoflows.services.up42.service import Up42Service
from eoflows.services.up42.signing import SigningEngine
from eoflows.stores.transfer.models import Slot

__all__ = ["Up42Server", "job_server"]


class Up42Server(JobServer[Up42Request]):
    """A workspace of UP42. What is asked for before a job is made, validation and price, its client says.

    Args:
        client: The account, opened; whoever opened it closes it.
        workspace_id: The workspace.
        visible: Seconds after which a new job is surely listed.
        pending: Jobs that may wait or run at a time; None sets no limit.
        slot: Gives the context in which one connection to a host may be used.
    """

    def __init__(
        self,
        client: Up42Client,
        workspace_id: str,
        *,
        visible: float = 60.0,
        pending: int | None = None,
        slot: Slot | None = None,
    ) -> None:
        self.client = client

        def transfer() -> SigningEngine:
            return SigningEngine(client.download_url, trusted=client.trusted, slot=slot)

        super().__init__(
            Up42Service(client, workspace_id, visible=visible, pending=pending),
            f"{client.hosts.api}#{workspace_id}",
            client.http,
            transfer=transfer,
        )

    async def pages(
        self, *, process: str | None = None, since: datetime | None = None
    ) -> AsyncIterator[JobPage]:
        """Give all jobs, newest first, page by page; those after a page of older ones are not asked for."""
        pages = super().pages(process=process, since=since)
        async with aclosing(cast(AsyncGenerator[JobPage], pages)) as opened:
            async for page in opened:
                yield page
                if since and any(state.created and state.created < since for state in page.states):
                    return


async def job_server(
    client: Up42Client, *, visible: float = 60.0, pending: int | None = None, slot: Slot | None = None
) -> Up42Server:
    """Give the server of a client's workspace; it lives as long as the client is open.

    Args:
        client: The account.
        visible: As for `Up42Server`.
        pending: As for `Up42Server`.
        slot: As for `Up42Server`.
    """
    return Up42Server(client, await client.workspace(), visible=visible, pending=pending, slot=slot)
