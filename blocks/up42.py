"""UP42."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from pydantic import ConfigDict, Field, HttpUrl, SecretStr

from eoflows.base.http import Origin
from eoflows.blocks.jobs import JobServerBlock, Slot
from eoflows.blocks.logos import logo
from eoflows.jobs.service import JobServer
from eoflows.services import up42

__all__ = ["Up42Credentials"]


class Up42Credentials(JobServerBlock):
    """An account of UP42: credentials, region and workspace.

    Example:
        Load a stored account:
        ```python
        from eoflows.blocks import Up42Credentials

        up42_credentials = Up42Credentials.load("BLOCK_NAME")
        ```
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    _block_type_name = "UP42 Credentials"
    _block_type_slug = "up42-credentials"
    _logo_url = logo("up42")
    _documentation_url = HttpUrl("https://docs.up42.com")
    _description = "An account of UP42, with its region and workspace."

    username: str = Field(description="E-mail address of the user.")
    password: SecretStr = Field(description="Its password; it is sent to the token endpoint only.")
    region: Literal["eu", "sa"] = Field(default="eu", description="Europe, or Saudi Arabia.")
    workspace_id: str | None = Field(
        default=None, description="Workspace of new jobs; empty: the user's own."
    )
    settle: float = Field(
        default=900.0,
        ge=0,
        description="Seconds after the end of a job in which the service may still say what became of its "
        "price; newer servers do not.",
    )
    visible: float = Field(default=60.0, ge=0, description="Seconds until a new job is surely listed.")
    pending: int | None = Field(default=None, ge=1, description="Jobs that may wait or run at a time.")
    api_url: str | None = Field(
        default=None,
        description="Address of the API in place of the region's; for stand-ins.",
        title="API URL",
    )
    auth_url: str | None = Field(
        default=None, description="Address of the login in place of the region's; for stand-ins."
    )
    storage_origins: list[str] = Field(
        default_factory=list,
        description="Origins of signed URLs that may have private addresses; for stand-ins.",
    )

    @asynccontextmanager
    async def open(self) -> "AsyncIterator[up42.Up42Client]":
        """Open a client of this account."""
        hosts = up42.Hosts(self.api_url, self.auth_url) if self.api_url and self.auth_url else None
        client = up42.Up42Client(
            self.username,
            self.password,
            region=self.region,
            workspace_id=self.workspace_id,
            settle=self.settle,
            hosts=hosts,
            trusted=[Origin.of(origin) for origin in self.storage_origins],
        )
        async with client:
            yield client

    @asynccontextmanager
    async def open_jobs(self, *, slot: Slot | None = None) -> "AsyncIterator[JobServer[up42.Up42Request]]":
        """Open it for submission, tracking and collection."""
        async with self.open() as client:
            yield await up42.job_server(client, visible=self.visible, pending=self.pending, slot=slot)
