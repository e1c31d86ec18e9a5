"""A server of OGC API - Processes."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, HttpUrl, SecretStr, field_validator, model_validator

from eoflows.base.errors import InvalidInputError
from eoflows.base.http import ApiKey, BasicLogin, BearerToken, Credentials, HttpClient, Keyring, Origin
from eoflows.blocks.jobs import JobServerBlock, Slot, job_server
from eoflows.blocks.logos import logo
from eoflows.blocks.oauth2 import OAuth2Credentials
from eoflows.blocks.s3 import S3Bucket
from eoflows.jobs.models import Recognition
from eoflows.jobs.service import JobServer
from eoflows.services import ogc_processes

__all__ = ["OgcProcessesServer"]


class OgcProcessesServer(JobServerBlock):
    """A server of OGC API - Processes: what it asks of its callers, and what it can do.

    Example:
        Load a stored server:
        ```python
        from eoflows.blocks import OgcProcessesServer

        server = OgcProcessesServer.load("BLOCK_NAME")
        ```
    """

    # A URL that is refused may hold a password.
    model_config = ConfigDict(hide_input_in_errors=True)

    _block_type_name = "OGC Processes Server"
    _block_type_slug = "ogc-processes-server"
    _logo_url = logo("ogc-processes")
    _documentation_url = HttpUrl("https://ogcapi.ogc.org/processes/")
    _description = "A server of OGC API - Processes that runs jobs; RS-Server's staging service is one."

    url: str = Field(description="Landing page, like https://processes.example/api.", title="URL")
    auth: Literal["none", "basic", "bearer", "api-key", "login"] = Field(
        default="none",
        description="How to identify: not at all; by `user` and a password in `secret`; by a token or an "
        "API key in `secret`; or by `login`.",
    )
    user: str = Field(default="", description="User name, for basic; shown, and keeps two accounts apart.")
    secret: SecretStr | None = Field(
        default=None,
        description="Password, token or API key; it is sent to the origin of the URL only.",
    )
    header: str = Field(
        default="X-API-Key", min_length=1, description="Header of the API key, for auth api-key."
    )
    login: OAuth2Credentials | None = Field(
        default=None, description="User and password for tokens, for auth login."
    )
    result_origins: list[str] = Field(
        default_factory=list,
        description="Other origins that deliver its results, like https://storage:9000; they may have "
        "private addresses, and get no credentials.",
    )
    result_bucket: S3Bucket | None = Field(
        default=None,
        description="Access to the bucket of its results that have s3:// addresses, if any have.",
    )
    recognition: Literal["inputs", "listing", "none"] = Field(
        default="none",
        description="How a job is found again whose announcement was lost: by the inputs, if its job "
        "documents show them as they were sent; by its complete list of jobs, if nobody else uses it (set "
        "`exclusive` too); or not at all, so that a person decides.",
    )
    exclusive: bool = Field(default=False, description="Whether nobody else makes jobs there.")
    lists: bool = Field(default=True, description="Whether it lists its jobs.")
    cancels: bool = Field(
        default=True,
        description="Whether DELETE stops a job. Off for RS-Server's staging, which forgets the job and "
        "goes on working.",
    )
    settle: float = Field(
        default=30.0, ge=0, description="Seconds until a new job can surely be seen, alone and in the list."
    )
    pending: int | None = Field(
        default=None, ge=1, description="Jobs that may wait or run at a time; empty sets no limit."
    )
    check_inputs: bool = Field(
        default=True,
        description="Whether inputs are checked against its descriptions of processes before they are sent. "
        "Off leaves that to the server, as it has to be for collections and processes as inputs (Part 3).",
    )
    timeout: float = Field(
        default=60.0,
        gt=0,
        description="Seconds to wait for an answer. A server that answers when the process has ended needs "
        "more than that takes, and the ledger a lease that is longer.",
    )

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        return ogc_processes.Endpoint(value).url

    @field_validator("result_origins")
    @classmethod
    def _origins(cls, value: list[str]) -> list[str]:
        return [str(Origin.of(origin)) for origin in value]

    @model_validator(mode="after")
    def _complete(self) -> Self:
        lacking = {
            "basic": not (self.user and self.secret) and "`user` and `secret`",
            "bearer": not self.secret and "`secret`",
            "api-key": not self.secret and "`secret`",
            "login": not self.login and "`login`",
        }.get(self.auth)
        if lacking:
            raise InvalidInputError(f"auth {self.auth!r} needs {lacking}")
        if self.auth == "none" and (self.secret or self.login):
            raise InvalidInputError("auth is 'none', and there is a secret; say how it is to be used")
        if self.recognition != "none" and not self.lists:
            raise InvalidInputError(f"recognition by {self.recognition!r} needs a server that lists its jobs")
        self._credentials()
        return self

    def _credentials(self) -> Credentials | None:
        secret = self.secret or SecretStr("")
        match self.auth:
            case "basic":
                return BasicLogin(self.user, secret)
            case "bearer":
                return BearerToken(secret)
            case "api-key":
                return ApiKey(secret, header=self.header)
            case "login":
                return self.login.credentials() if self.login else None
            case "none":
                return None

    @property
    def keyring(self) -> Keyring:
        """The credentials of the server's origin."""
        credentials = self._credentials()
        return Keyring([] if credentials is None else [(Origin.of(self.url), credentials)])

    @property
    def endpoint(self) -> str:
        """Where and whose, as the ledger names it."""
        user = self.login.user if self.auth == "login" and self.login else self.user
        return f"{self.url}#{user}" if user else self.url

    def open_jobs(self, *, slot: Slot | None = None) -> AbstractAsyncContextManager[JobServer[Any]]:
        """Open it for submission, tracking and collection."""
        service = ogc_processes.OgcService(
            self.url,
            recognition=Recognition(self.recognition),
            lists=self.lists,
            cancels=self.cancels,
            settle=self.settle,
            pending=self.pending,
            checks=self.check_inputs,
        )
        trusted = [Origin.of(one) for one in (self.url, *self.result_origins)]
        return job_server(
            service,
            self.endpoint,
            keyring=self.keyring,
            trusted=trusted,
            timeout=self.timeout,
            exclusive=self.exclusive,
            slot=slot,
            bucket=self.result_bucket,
        )

    @asynccontextmanager
    async def open(self) -> "AsyncIterator[ogc_processes.AsyncClient]":
        """Open a client for its processes and jobs."""
        trusted = [Origin.of(self.url)]
        async with HttpClient(keyring=self.keyring, trusted=trusted, timeout=self.timeout) as http:
            yield ogc_processes.AsyncClient(ogc_processes.ClientConfig(server_url=self.url), http=http)
