"""A connection to one account of UP42: hosts, credentials, and who may use it."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime, timedelta
from typing import Any, Self
from weakref import WeakKeyDictionary

import httpx
from pydantic import SecretStr

from eoflows.base.background import wait_for
from eoflows.base.current_client import enter, leave
from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.base.http import HttpClient, Keyring, Origin, PasswordGrant, RetryPolicy
from eoflows.jobs.service import Call
from eoflows.services.up42.answers import document_of, next_url, read_user, time_of
from eoflows.services.up42.calls import Calls
from eoflows.services.up42.hosts import Hosts, Region

__all__ = ["Connection"]

_MOST_PAGES = 10_000
_WORKSPACES: WeakKeyDictionary[PasswordGrant, str] = WeakKeyDictionary()
"""Whose account it is does not change; each client would ask for it."""


class Connection:
    """Sends requests to the two hosts of a region, which alone get the token.

    Args:
        username: E-mail address of the user.
        password: Its password.
        region: Where the account is.
        workspace_id: Workspace of new jobs; None: the user's own.
        settle: Seconds after the end of a job's work in which the service still may say what became of
            its price. Newer servers stop at `successful`, and a job is then over.
        timeout: Seconds for connecting, and for each wait for an answer.
        hosts: Where the service is, in place of the region's hosts; for stand-ins.
        trusted: Further origins that may have private addresses.
        retry: When a request that may be repeated is sent again.
        transport: Replaces the network in tests.

    Raises:
        InvalidInputError: There is no such region.
    """

    def __init__(
        self,
        username: str,
        password: SecretStr | str,
        *,
        region: Region = "eu",
        workspace_id: str | None = None,
        settle: float = 900.0,
        timeout: float = 30.0,
        hosts: Hosts | None = None,
        trusted: Sequence[Origin] = (),
        retry: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.hosts = hosts or Hosts.of(region)
        self.calls = Calls(self.hosts.api)
        self.patience = timedelta(seconds=settle)
        self._grant = PasswordGrant.shared(
            self.hosts.token_url,
            username,
            password if isinstance(password, SecretStr) else SecretStr(password),
            client_id="up42-sdk",
            scope="openid",
            transport=transport,
        )
        self.keyring = Keyring((origin, self._grant) for origin in self.hosts.origins)
        self.trusted = [*(self.hosts.origins if hosts else ()), *trusted]
        self.http = HttpClient(
            keyring=self.keyring,
            trusted=self.trusted,
            retry=retry,
            timeout=timeout,
            transport=transport,
        )
        self._workspace = workspace_id
        self._awaited = False

    async def __aenter__(self) -> Self:
        self._awaited = True
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.aclose()

    def __enter__(self) -> Self:
        enter(self.plain())
        return self

    def __exit__(self, *_: object) -> None:
        leave(self)
        self.close()

    async def aclose(self) -> None:
        """Close all connections."""
        await self.http.aclose()

    def close(self) -> None:
        """Close all connections of a client that plain code has used."""
        wait_for(self.plain().aclose())

    def plain(self) -> Self:
        """Give this client for use by plain calls, which run in the background loop.

        Raises:
            InvalidInputError: It was opened with `async with`, in another loop.
        """
        if self._awaited:
            raise InvalidInputError(
                "this client was opened with `async with` and cannot serve plain calls; await its methods, "
                "or open another one with `with Up42Client(...):`"
            )
        return self

    async def workspace(self) -> str:
        """Give the workspace of new jobs: the one that was set, else the user's own."""
        if self._workspace is None:
            if self._grant not in _WORKSPACES:
                _WORKSPACES[self._grant] = read_user(await self.json(Call("GET", self.hosts.user_url)))
            self._workspace = _WORKSPACES[self._grant]
        return self._workspace

    async def ask(self, call: Call) -> httpx.Response:
        """Send a request that may be repeated."""
        return await self.send(call, repeatable=True)

    async def send(self, call: Call, *, repeatable: bool) -> httpx.Response:
        """Send a request, once if it may not be repeated."""
        return await self.http.request(
            call.method, call.url, json=call.json, params=call.params, repeatable=repeatable
        )

    async def json(self, call: Call) -> Any:
        """Send a request that may be repeated, and read the answer's JSON."""
        return document_of(await self.ask(call))

    async def pages(self, first: Call) -> AsyncGenerator[tuple[Any, datetime]]:
        """Give the documents of all pages, each with its time by the service's clock."""
        call: Call | None = first
        seen = set[str]()
        while call is not None:
            if call.url in seen or len(seen) == _MOST_PAGES:
                raise ContractError("the pages go round in circles", url=call.url)
            seen.add(call.url)
            answer = await self.ask(call)
            document = document_of(answer)
            following = next_url(document, self.hosts.api)
            yield document, time_of(answer)
            call = Call("GET", following) if following else None
