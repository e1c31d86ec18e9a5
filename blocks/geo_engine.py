"""A Geo Engine."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import ConfigDict, Field, HttpUrl, SecretStr, field_validator, model_validator

from eoflows.base.errors import InvalidInputError
from eoflows.base.http import Origin
from eoflows.blocks.jobs import JobServerBlock, Slot
from eoflows.blocks.logos import logo
from eoflows.jobs.service import JobServer

if TYPE_CHECKING:
    from eoflows.services.geo_engine import GeoEngineClient
    from eoflows.services.geo_engine.session import Login

__all__ = ["GeoEngineServer"]

_GIGABYTE = 10**9


class GeoEngineServer(JobServerBlock):
    """A Geo Engine: where it is, who asks, and how much one run may fetch.

    Example:
        Load a stored server:
        ```python
        from eoflows.blocks import GeoEngineServer

        server = GeoEngineServer.load("BLOCK_NAME")
        ```
    """

    # A URL that is refused may hold a password.
    model_config = ConfigDict(hide_input_in_errors=True)

    _block_type_name = "Geo Engine Server"
    _block_type_slug = "geo-engine-server"
    _logo_url = logo("geo-engine")
    _documentation_url = HttpUrl("https://docs.geoengine.io")
    _description = "A Geo Engine whose workflows are streamed, plotted, and saved as datasets."

    url: str = Field(
        description="Base URL of the API with its prefix, like https://geo.example/api.", title="URL"
    )
    login: Literal["anonymous", "password", "token"] = Field(
        default="anonymous",
        description="Who asks: a new anonymous user each time; `user` with a password in `secret`; or a "
        "session that somebody else has opened, with its token in `secret` (it cannot be renewed here).",
    )
    user: str = Field(
        default="",
        description="E-mail address of the user; with a token, whose it is. Shown: it keeps users apart.",
    )
    secret: SecretStr | None = Field(
        default=None, description="Password or token; it is sent to the origin of the URL only."
    )
    profile: Literal["auto", "0.8", "0.9", "0.10"] = Field(
        default="auto", description="Version of the interface; auto asks the server."
    )
    max_gigabytes: float | None = Field(
        default=None,
        gt=0,
        description="Most that one run may stream, in 10^9 bytes of values before compression; a run's own "
        "limit may be lower. Empty sets none.",
    )
    stall: float = Field(
        default=300.0, gt=0, description="Seconds to wait for one tile; a server may compute long."
    )
    timeout: float = Field(default=30.0, gt=0, description="Seconds for connecting.")
    exclusive: bool = Field(
        default=False,
        description="Whether nobody else starts tasks as this user: then a task whose answer was lost is "
        "recognised by the list of tasks, else a person decides.",
    )
    settle: float = Field(default=10.0, ge=0, description="Seconds until a new task is surely listed.")
    pending: int | None = Field(
        default=None, ge=1, description="Tasks that may run at a time; empty sets no limit."
    )

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        Origin.of(value)
        return value.rstrip("/")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.login != "anonymous" and not (self.user and self.secret):
            raise InvalidInputError(f"login {self.login!r} needs `user` and `secret`")
        if self.login == "anonymous" and self.secret:
            raise InvalidInputError("login is 'anonymous', and there is a secret; say how it is to be used")
        if self.login == "anonymous" and self.exclusive:
            raise InvalidInputError("`exclusive` needs a user: each anonymous session is somebody else")
        return self

    @property
    def endpoint(self) -> str:
        """Where and whose, as the ledger names it."""
        return f"{self.url}#{self.user}" if self.user else self.url

    @property
    def limit_bytes(self) -> int | None:
        """Most that one run may stream."""
        return None if self.max_gigabytes is None else int(self.max_gigabytes * _GIGABYTE)

    @asynccontextmanager
    async def open(self) -> "AsyncIterator[GeoEngineClient]":
        """Open a client with a session of its own."""
        from eoflows.services.geo_engine import GeoEngineClient, Profile  # noqa: PLC0415

        profile = None if self.profile == "auto" else Profile(self.profile)
        async with GeoEngineClient(self.url, self._login(), profile=profile, timeout=self.timeout) as client:
            yield client

    @asynccontextmanager
    async def open_jobs(self, *, slot: Slot | None = None) -> AsyncIterator[JobServer[Any]]:
        """Open its tasks for submission, tracking and collection."""
        from eoflows.services.geo_engine.service import job_server  # noqa: PLC0415

        async with self.open() as client:
            yield await job_server(
                client, self.endpoint, exclusive=self.exclusive, settle=self.settle, pending=self.pending
            )

    def _login(self) -> "Login":
        from eoflows.services.geo_engine.session import Anonymous, EmailLogin, SessionToken  # noqa: PLC0415

        secret = self.secret or SecretStr("")
        match self.login:
            case "anonymous":
                return Anonymous()
            case "password":
                return EmailLogin(self.user, secret)
            case "token":
                return SessionToken(secret)
