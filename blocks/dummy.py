"""The sandbox's made-up service that runs jobs."""

from contextlib import AbstractAsyncContextManager
from typing import Any

from pydantic import Field, HttpUrl, field_validator

from eoflows.base.http import Keyring, Origin
from eoflows.blocks.jobs import JobServerBlock, Slot, job_server
from eoflows.blocks.logos import logo
from eoflows.jobs.service import JobServer
from eoflows.services import dummy

__all__ = ["DummyServer"]


class DummyServer(JobServerBlock):
    """A place of the sandbox's made-up service, to practise with.

    Example:
        Load a stored place:
        ```python
        from eoflows.blocks import DummyServer

        dummy_server = DummyServer.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "Dummy Server"
    _block_type_slug = "dummy-server"
    _logo_url = logo("dummy")
    _documentation_url = HttpUrl("https://docs.prefect.io/v3/concepts/blocks")
    _description = "A made-up service in the sandbox that runs jobs; to practise with, it costs nothing."

    url: str = Field(
        description="A place, like http://127.0.0.1:8000/dummy/inputs-a; its last part says how its jobs "
        "are recognised: token, inputs, listing or none.",
        title="URL",
    )
    exclusive: bool = Field(default=False, description="Whether nobody else makes jobs there.")
    settle: float = Field(default=2.0, ge=0, description="Seconds until a new job can surely be seen.")
    pending: int | None = Field(default=None, ge=1, description="Jobs that may wait or run at a time.")

    @field_validator("url")
    @classmethod
    def _place(cls, value: str) -> str:
        Origin.of(value)
        dummy.DummyService(value)
        return value.rstrip("/")

    def open_jobs(self, *, slot: Slot | None = None) -> AbstractAsyncContextManager[JobServer[Any]]:
        """Open it for submission, tracking and collection."""
        service = dummy.DummyService(self.url, settle=self.settle, pending=self.pending)
        origins = [Origin.of(self.url)]
        return job_server(
            service, self.url, keyring=Keyring(), trusted=origins, exclusive=self.exclusive, slot=slot
        )
