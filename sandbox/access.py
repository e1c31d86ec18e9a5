"""Who asks, and what they may do."""

from collections.abc import Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from starlette.requests import Request

from eoflows.sandbox.oauth2 import TokenStore
from eoflows.sandbox.settings import ApiKey, DownloadAuth
from eoflows.sandbox.stac.errors import Refusal

__all__ = ["Gate", "may", "owns"]


def may(key: ApiKey, role: str) -> bool:
    """Tell whether a key has a role."""
    return any(fnmatchcase(role, pattern) for pattern in key.roles)


def owns(key: ApiKey, owner: str) -> bool:
    """Tell whether a key may change an owner's collections."""
    return owner == key.user or any(fnmatchcase(owner, pattern) for pattern in key.owners)


@dataclass(frozen=True)
class Gate:
    """Checks keys and tokens."""

    keys: Mapping[str, ApiKey]
    tokens: TokenStore

    def key(self, request: Request) -> ApiKey:
        """Return what the request's `x-api-key` may do.

        Raises:
            Refusal: 401 when there is none, or an unknown one.
        """
        value = request.headers.get("x-api-key")
        if value is None:
            raise Refusal(401, "Not authenticated")
        if value not in self.keys:
            raise Refusal(401, "Invalid API key")
        return self.keys[value]

    def role(self, request: Request, role: str) -> ApiKey:
        """Return the request's key, which must have a role.

        Raises:
            Refusal: 401 without a known key, 403 without the role.
        """
        key = self.key(request)
        if not may(key, role):
            raise Refusal(403, f"Missing role {role}")
        return key

    def download(self, request: Request, needs: DownloadAuth, role: str | None) -> None:
        """Let a download pass.

        Raises:
            Refusal: 401 or 403.
        """
        if needs == "none":
            return
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if needs == "bearer" or (needs == "either" and scheme.lower() == "bearer"):
            if scheme.lower() != "bearer" or not self.tokens.is_valid(token):
                raise Refusal(401, "Token expired or invalid", {"www-authenticate": "Bearer"})
            return
        if role is None:
            self.key(request)
        else:
            self.role(request, role)
