"""The password grant, userinfo, and who a token belongs to."""

import hashlib
import itertools
import threading
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from eoflows.sandbox.stac.documents import json_response
from eoflows.sandbox.stac.errors import Refusal
from eoflows.sandbox.up42.answers import problem
from eoflows.sandbox.up42.settings import User

__all__ = ["Tokens", "auth_routes"]

_REALM = "/realms/public/protocol/openid-connect"


class Tokens:
    """Tokens issued, whose they are, and until when they live."""

    def __init__(
        self, users: Mapping[str, User], lifetime: int, clock: Callable[[], datetime], secret: str
    ) -> None:
        self._users = users
        self._lifetime = lifetime
        self._clock = clock
        self._secret = secret
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._alive: dict[str, tuple[str, datetime]] = {}
        self.issued = 0
        """Number of tokens issued."""

    def issue(self, login: str) -> dict[str, Any]:
        """Return a token document for a person."""
        with self._lock:
            text = f"{self._secret}:{login}:{next(self._numbers)}"
            token = hashlib.sha256(text.encode()).hexdigest()
            self._alive[token] = (login, self._clock() + timedelta(seconds=self._lifetime))
            self.issued += 1
        return {
            "access_token": token,
            "expires_in": self._lifetime,
            "token_type": "Bearer",
            "scope": "openid",
        }

    def user(self, request: Request) -> User:
        """Return the person who asks.

        Raises:
            Refusal: 401 without a token that is known and alive.
        """
        return self._users[self.login(request)]

    def login(self, request: Request) -> str:
        """Return the login of the person who asks; raises as `user` does."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        with self._lock:
            login, until = self._alive.get(token, ("", None))
        if scheme.lower() != "bearer" or until is None or self._clock() >= until:
            challenge = {"www-authenticate": 'Bearer error="invalid_token"'}
            raise problem(401, "Unauthorized", challenge, detail="The token is invalid or expired.")
        return login

    def grant(self, form: Mapping[str, str]) -> dict[str, Any]:
        """Answer a token request.

        Raises:
            Refusal: 400 or 401, as Keycloak words it.
        """
        if form.get("client_id") != "up42-sdk":
            raise _no(401, "invalid_client", "Invalid client or Invalid client credentials")
        if form.get("grant_type") != "password":
            raise _no(400, "unsupported_grant_type", "Unsupported grant_type")
        known = self._users.get(form.get("username", ""))
        if known is None or known.password != form.get("password"):
            raise _no(401, "invalid_grant", "Invalid user credentials")
        return self.issue(form["username"])

    def expire_all(self) -> None:
        """End the life of every token issued so far."""
        with self._lock:
            self._alive.clear()


def _no(status: int, error: str, description: str) -> Refusal:
    return Refusal(status, error, document={"error": error, "error_description": description})


def auth_routes(tokens: Tokens, prefix: str) -> list[Route]:
    """Return the routes of the auth host."""

    async def token(request: Request) -> Response:
        body = (await request.body()).decode("latin-1")
        form = {name: values[0] for name, values in parse_qs(body, encoding="utf-8").items()}
        return json_response(tokens.grant(form))

    async def userinfo(request: Request) -> Response:
        login, user = tokens.login(request), tokens.user(request)
        return json_response({"sub": user.workspace, "preferred_username": login, "email_verified": True})

    return [
        Route(f"{prefix}{_REALM}/token", token, methods=["POST"]),
        Route(f"{prefix}{_REALM}/userinfo", userinfo),
    ]
