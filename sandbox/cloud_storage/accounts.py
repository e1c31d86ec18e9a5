"""Service accounts of Google, made for the sandbox: a key file, and the tokens that it brings."""

import base64
import binascii
import functools
import hashlib
import itertools
import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import orjson
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from eoflows.sandbox.origins import Origins

__all__ = ["GoogleAccounts"]

TOKEN_PATH = "/google/token"  # noqa: S105
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class GoogleAccounts:
    """Who may ask Earth Engine and Cloud Storage. All accounts share a key, made when it is first needed."""

    def __init__(self, clock: Callable[[], datetime], origins: Origins, lifetime: float) -> None:
        self._clock = clock
        self._origins = origins
        self._lifetime = lifetime
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._tokens: dict[str, tuple[str, datetime]] = {}
        self.static_token = "sandbox-google-token"  # noqa: S105
        """A token that is always valid, of the account `sandbox@example.com`."""

    def key_file(self, name: str = "sandbox", project: str = "demo-project") -> dict[str, str]:
        """Return what a service account's JSON key file holds; its `token_uri` is in this sandbox."""
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415

        private = self._key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account",
            "project_id": project,
            "private_key_id": "sandbox-key",
            "private_key": private.decode(),
            "client_email": f"{name}@{project}.iam.gserviceaccount.com",
            "client_id": hashlib.sha256(name.encode()).hexdigest()[:21],
            "token_uri": f"{self._origins.url}{TOKEN_PATH}",
            "universe_domain": "googleapis.com",
        }

    def account(self, request: Request) -> str | None:
        """Return the account whose valid token a request bears; None without one."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        if token == self.static_token:
            return "sandbox@example.com"
        with self._lock:
            email, until = self._tokens.get(token, (None, self._clock()))
        return email if email and self._clock() < until else None

    def expire_all(self) -> None:
        """End the life of every token issued so far."""
        with self._lock:
            self._tokens.clear()

    def routes(self) -> list[Route]:
        """Return the route of the token endpoint."""
        return [Route(TOKEN_PATH, self._grant, methods=["POST"])]

    async def _grant(self, request: Request) -> Response:
        form = {
            name: values[0] for name, values in parse_qs((await request.body()).decode("latin-1")).items()
        }
        if form.get("grant_type") != _GRANT:
            return JSONResponse({"error": "unsupported_grant_type"}, 400)
        claims = self._claims(form.get("assertion", ""))
        if claims is None:
            described = {"error": "invalid_grant", "error_description": "Invalid JWT Signature."}
            return JSONResponse(described, 400)
        with self._lock:
            token = hashlib.sha256(f"{claims['iss']}:{next(self._numbers)}".encode()).hexdigest()
            self._tokens[token] = (claims["iss"], self._clock() + timedelta(seconds=self._lifetime))
        answer = {"access_token": token, "expires_in": int(self._lifetime), "token_type": "Bearer"}
        return JSONResponse(answer, headers={"cache-control": "no-store"})

    def _claims(self, assertion: str) -> dict[str, Any] | None:
        """Return the claims of a token request that was signed with the key, None for any other."""
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import padding  # noqa: PLC0415
        from cryptography.hazmat.primitives.hashes import SHA256  # noqa: PLC0415

        signed, _, signature = assertion.rpartition(".")
        try:
            self._key.public_key().verify(_decoded(signature), signed.encode(), padding.PKCS1v15(), SHA256())
            claims = orjson.loads(_decoded(signed.partition(".")[2]))
        except (InvalidSignature, binascii.Error, orjson.JSONDecodeError):
            return None
        return claims if isinstance(claims, dict) and claims.get("iss") else None

    @functools.cached_property
    def _key(self) -> Any:
        from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415

        return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
