"""Credentials, and the keyring that gives each to its own origin and to no other.

Every credential is bound to the origins that its owner named. A request to any other origin goes
out without it, whatever link, redirect or href led there.
"""

import base64
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import httpx
from pydantic import SecretStr

from eoflows.base.errors import (
    ContractError,
    CredentialsError,
    InvalidInputError,
    ThrottledError,
    UnsentError,
)
from eoflows.base.http.origins import Origin
from eoflows.base.http.retry import retry_after
from eoflows.base.http.tokens import RenewedToken
from eoflows.base.secrets import remember, remember_login, sent_in

__all__ = ["ApiKey", "BasicLogin", "BearerToken", "Credentials", "Keyring", "PasswordGrant"]


class Credentials(Protocol):
    """Something that signs requests."""

    async def headers(self, rejected: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """Give the headers to send.

        Args:
            rejected: Headers given earlier that the service answered with 401. Credentials that can
                be renewed give new ones; those that cannot give the same again.
        """


class ApiKey:
    """A key in a header of its own, `x-api-key` for RS-Server."""

    def __init__(self, key: SecretStr, *, header: str = "x-api-key") -> None:
        value = key.get_secret_value().strip()
        if not value or not value.isascii() or not value.isprintable():
            raise InvalidInputError(
                f"the secret for header {header} is empty or has characters that no header may have (a line "
                "break, an accent); copy it again"
            )
        self._headers = {header.lower(): value}
        # Whatever the header is called, this is a secret.
        remember(value, *sent_in("", {"authorization": value}))

    async def headers(self, rejected: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """Give the key's header."""
        return self._headers


class BearerToken(ApiKey):
    """A token that the operator obtained elsewhere."""

    def __init__(self, token: SecretStr) -> None:
        super().__init__(SecretStr(f"Bearer {token.get_secret_value()}"), header="authorization")


class BasicLogin(ApiKey):
    """User and password with each request (RFC 7617)."""

    def __init__(self, user: str, password: SecretStr) -> None:
        pair = f"{user}:{password.get_secret_value()}"
        encoded = base64.b64encode(pair.encode()).decode()
        super().__init__(SecretStr(f"Basic {encoded}"), header="authorization")


class PasswordGrant(RenewedToken):
    """OAuth2 tokens by user and password.

    Args:
        token_url: The token endpoint.
        user: User name.
        password: Its password.
        client_id: OAuth2 client.
        scope: Scope asked for, if any.
        leeway: As for `RenewedToken`.
        clock: As for `RenewedToken`.
        transport: Replaces the network in tests.
    """

    def __init__(
        self,
        token_url: str,
        user: str,
        password: SecretStr,
        *,
        client_id: str,
        scope: str | None = None,
        leeway: float = 30.0,
        clock: Callable[[], float] = time.monotonic,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        super().__init__(leeway=leeway, clock=clock)
        self._url, self._transport = token_url, transport
        form = {"grant_type": "password", "username": user, "client_id": client_id}
        self._form = form | ({"scope": scope} if scope else {})
        self._password = password
        remember_login(user, password.get_secret_value())

    @classmethod
    def shared(
        cls,
        token_url: str,
        user: str,
        password: SecretStr,
        *,
        client_id: str,
        scope: str | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> "PasswordGrant":
        """Give the grant that all of this process use for an account; with a transport, one of its own."""

        def make() -> PasswordGrant:
            return PasswordGrant(
                token_url, user, password, client_id=client_id, scope=scope, transport=transport
            )

        if transport is not None:
            return make()
        secret = password.get_secret_value()
        return PasswordGrant._of_process(make, token_url, user, secret, client_id, scope or "")

    async def _fetch(self) -> tuple[Mapping[str, str], float]:
        form = self._form | {"password": self._password.get_secret_value()}
        try:
            async with httpx.AsyncClient(transport=self._transport, timeout=30, trust_env=False) as client:
                answer = await client.post(self._url, data=form)
        except httpx.HTTPError as error:
            raise UnsentError(f"token endpoint: {type(error).__name__}", url=self._url) from error
        self._check(answer)
        return self._read(answer)

    def _check(self, answer: httpx.Response) -> None:
        status = answer.status_code
        if status in (429, 503):
            asked = retry_after(answer.headers.get("retry-after"))
            # 429 whichever it was: the request that needs the token was not sent.
            message = f"token endpoint answered {status}"
            raise ThrottledError(message, url=self._url, retry_after=asked, status=429)
        if status >= 500:
            raise UnsentError(f"token endpoint answered {status}", url=self._url)
        if status >= 400:
            raise CredentialsError(
                "the token endpoint refused this user and password; correct them in the block",
                url=self._url,
                status=status,
            )

    def _read(self, answer: httpx.Response) -> tuple[Mapping[str, str], float]:
        try:
            document = answer.json()
            token, lifetime = document["access_token"], float(document.get("expires_in", 300))
        except (ValueError, KeyError, TypeError) as error:
            raise ContractError("the token endpoint's answer has no access_token", url=self._url) from error
        return {"authorization": f"Bearer {str(token).strip()}"}, lifetime


class Keyring:
    """Which credentials belong to which origin.

    Args:
        keys: Pairs of an origin and its credentials.
    """

    def __init__(self, keys: Iterable[tuple[Origin, Credentials]] = ()) -> None:
        self._keys = dict(keys)

    @property
    def origins(self) -> frozenset[Origin]:
        """The origins that have credentials."""
        return frozenset(self._keys)

    async def headers(self, url: str, rejected: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """Give the headers that may go to this URL: none if its origin has no credentials here."""
        key = self._keys.get(Origin.of(url))
        return {} if key is None else await key.headers(rejected)

    def __or__(self, other: "Keyring") -> "Keyring":
        """Join two keyrings; the right one wins."""
        return Keyring((self._keys | other._keys).items())
