"""Who may use an OGC API - Processes server of the sandbox."""

import base64
import binascii
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from starlette.requests import Request

from eoflows.sandbox.oauth2 import TokenStore
from eoflows.sandbox.ogc_processes.problems import Problem
from eoflows.sandbox.ogc_processes.settings import Auth, OgcProcessesSettings

__all__ = ["Door"]

_CHALLENGES: dict[Auth, str] = {"basic": 'Basic realm="sandbox"', "bearer": "Bearer", "login": "Bearer"}


@dataclass(frozen=True)
class Door:
    """Checks what a request shows."""

    keys: Collection[str]
    """Known values of `x-api-key`."""
    users: Mapping[str, str]
    """Login to password."""
    tokens: TokenStore

    def admit(self, request: Request, settings: OgcProcessesSettings) -> None:
        """Let a request pass.

        Raises:
            Problem: 401.
        """
        if not self._known(request, settings):
            challenge = _CHALLENGES.get(settings.auth, "")
            detail = f"This server wants authentication of the kind {settings.auth!r}."
            raise Problem(401, "Unauthorized", detail, challenge=challenge)

    def _known(self, request: Request, settings: OgcProcessesSettings) -> bool:
        scheme, _, shown = request.headers.get("authorization", "").partition(" ")
        token = shown if scheme.lower() == "bearer" else request.headers.get("x-auth-token", "")
        if settings.auth == "none":
            return True
        if settings.auth == "api_key":
            return request.headers.get("x-api-key") in self.keys
        if settings.auth == "bearer":
            return token in settings.static_tokens
        if settings.auth == "login":
            return self.tokens.is_valid(token)
        return scheme.lower() == "basic" and self._is_login(shown)

    def _is_login(self, shown: str) -> bool:
        try:
            user, _, password = base64.b64decode(shown, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        return bool(password) and self.users.get(user) == password
