"""Sessions: anonymous, by e-mail and password, or a token that somebody else obtained."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import anyio
import httpx
from pydantic import SecretStr

from eoflows.base.errors import ContractError, CredentialsError, InvalidInputError
from eoflows.base.http import HttpClient, Origin, RetryPolicy
from eoflows.base.times import parse_utc

__all__ = ["Anonymous", "EmailLogin", "Login", "SessionKeeper", "SessionToken"]

_LEEWAY = 30.0
_REMEMBER_REFUSAL = 60.0


@dataclass(frozen=True)
class Anonymous:
    """A new anonymous user per session; servers may forbid it."""


@dataclass(frozen=True)
class EmailLogin:
    """A user of the server.

    Attributes:
        email: The user's address.
        password: The user's password.
    """

    email: str
    password: SecretStr


@dataclass(frozen=True)
class SessionToken:
    """A session that somebody else has opened; it cannot be renewed here.

    Attributes:
        token: Id of the session.
    """

    token: SecretStr


Login = Anonymous | EmailLogin | SessionToken


class SessionKeeper:
    """One session, shared by all event loops and threads, renewed before it ends and after a 401.

    Args:
        url: Base URL of the server's API.
        login: Who asks.
        trusted: Origins that may have private addresses.
        retry: When a login that got no answer is tried again.
        clock: Monotonic seconds.
        transport: Replaces the network in tests.
    """

    def __init__(
        self,
        url: str,
        login: Login,
        *,
        trusted: Iterable[Origin] = (),
        retry: RetryPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self._url, self._login, self._clock = url.rstrip("/"), login, clock
        self._options: dict[str, Any] = {"trusted": tuple(trusted), "retry": retry, "transport": transport}
        self._lock = threading.Lock()
        self._current: Mapping[str, str] = {}
        self._expires = float("-inf")
        self._refusal: CredentialsError | None = None
        self._refused_until = float("-inf")
        if isinstance(login, SessionToken):
            self._current, self._expires = _bearer(login.token.get_secret_value()), float("inf")

    async def headers(self, rejected: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """Give the headers of a session that is valid for half a minute at least.

        Args:
            rejected: Headers given earlier that the server answered with 401.

        Raises:
            CredentialsError: The server does not let this user in; remembered for a minute.
        """
        if self._good(rejected):
            return self._current
        # In a thread, with a loop of its own: callers may be in different event loops.
        return await anyio.to_thread.run_sync(self._renewed, rejected)

    def _good(self, rejected: Mapping[str, str] | None) -> bool:
        if isinstance(self._login, SessionToken):
            return True
        return self._clock() < self._expires - _LEEWAY and rejected != self._current

    def _renewed(self, rejected: Mapping[str, str] | None) -> Mapping[str, str]:
        with self._lock:
            if not self._good(rejected):
                if self._refusal is not None and self._clock() < self._refused_until:
                    raise self._refusal
                try:
                    asyncio.run(self._open())
                except CredentialsError as error:
                    self._refusal, self._refused_until = error, self._clock() + _REMEMBER_REFUSAL
                    raise
            return self._current

    async def _open(self) -> None:
        path, body = "anonymous", None
        if isinstance(self._login, EmailLogin):
            path = "login"
            body = {"email": self._login.email, "password": self._login.password.get_secret_value()}
        url = f"{self._url}/{path}"
        async with HttpClient(**self._options) as http:
            session = await http.json("POST", url, json=body)
        try:
            self._current = _bearer(session["id"])
            self._expires = self._clock() + _lifetime(session)
        except (KeyError, TypeError, InvalidInputError) as error:
            raise ContractError("the answer to a login is no session", url=url) from error


def _bearer(token: str) -> Mapping[str, str]:
    return {"authorization": f"Bearer {token.strip()}"}


def _lifetime(session: Mapping[str, Any]) -> float:
    """Seconds from now, whatever the server's clock shows; older servers do not tell."""
    if not session.get("validUntil") or not session.get("created"):
        return float("inf")
    return (parse_utc(session["validUntil"]) - parse_utc(session["created"])).total_seconds()
