"""Sessions: anonymous, by e-mail and password, or a token that somebody else obtained."""

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import httpx
from pydantic import SecretStr

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.base.http import HttpClient, Origin, RenewedToken, RetryPolicy
from eoflows.base.secrets import remember, remember_login
from eoflows.base.times import parse_utc

__all__ = ["Anonymous", "EmailLogin", "Login", "SessionKeeper", "SessionToken"]


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


class SessionKeeper(RenewedToken):
    """One session, shared by all who use it, renewed before it ends and after a 401.

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
        super().__init__(clock=clock)
        self._url, self._login = url.rstrip("/"), login
        self._options: dict[str, Any] = {"trusted": tuple(trusted), "retry": retry, "transport": transport}
        if isinstance(login, SessionToken):
            self._current = _bearer(login.token.get_secret_value())
            remember(login.token.get_secret_value())
        elif isinstance(login, EmailLogin):
            remember_login(login.email, login.password.get_secret_value())

    @classmethod
    def shared(
        cls,
        url: str,
        login: Login,
        *,
        trusted: Iterable[Origin] = (),
        retry: RetryPolicy | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> "SessionKeeper":
        """Give the session that all of this process use for a user; with a transport, one of its own.

        Each anonymous session is somebody else, and a token that was given cannot be renewed: own ones too.
        """

        def make() -> SessionKeeper:
            return SessionKeeper(url, login, trusted=trusted, retry=retry, transport=transport)

        if transport is not None or not isinstance(login, EmailLogin):
            return make()
        return SessionKeeper._of_process(make, url, login.email, login.password.get_secret_value())

    def _good(self, rejected: Mapping[str, str] | None) -> bool:
        return isinstance(self._login, SessionToken) or super()._good(rejected)

    async def _fetch(self) -> tuple[Mapping[str, str], float]:
        path, body = "anonymous", None
        if isinstance(self._login, EmailLogin):
            path = "login"
            body = {"email": self._login.email, "password": self._login.password.get_secret_value()}
        url = f"{self._url}/{path}"
        async with HttpClient(**self._options) as http:
            session = await http.json("POST", url, json=body)
        try:
            return _bearer(session["id"]), _lifetime(session)
        except (KeyError, TypeError, InvalidInputError) as error:
            raise ContractError("the answer to a login is no session", url=url) from error


def _bearer(token: str) -> Mapping[str, str]:
    return {"authorization": f"Bearer {token.strip()}"}


def _lifetime(session: Mapping[str, Any]) -> float:
    """Seconds from now, whatever the server's clock shows; older servers do not tell."""
    if not session.get("validUntil") or not session.get("created"):
        return float("inf")
    return (parse_utc(session["validUntil"]) - parse_utc(session["created"])).total_seconds()
