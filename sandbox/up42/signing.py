"""Signed download URLs: whoever has one may read one file, for a while, without a login."""

import hashlib
import hmac
from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from eoflows.sandbox.delivery import ContentResponse
from eoflows.sandbox.stac.errors import Refusal
from eoflows.sandbox.up42.files import StoredFile

__all__ = ["Signer"]


class Signer:
    """Makes and checks signed URLs, and serves what they name."""

    def __init__(
        self,
        *,
        prefix: str,
        lifetime: float,
        refuses_bearer: bool,
        clock: Callable[[], datetime],
        find: Callable[[str], StoredFile | None],
    ) -> None:
        self._prefix = prefix
        self._lifetime = lifetime
        self._refuses_bearer = refuses_bearer
        self._clock = clock
        self._find = find
        self._secret = 0

    def url(self, origin: str, file: StoredFile) -> str:
        """Return a URL at an origin under which a file can be read from now on."""
        until = int((self._clock() + timedelta(seconds=self._lifetime)).timestamp())
        name = quote(f'attachment; filename="{file.stem}"')
        path = f"{self._prefix}/{file.id}{file.suffix}"
        signed = f"X-Expires={until}&X-Signature={self._signature(file.id, until)}"
        return f"{origin}{path}?response-content-disposition={name}&{signed}"

    def revoke(self) -> None:
        """Make every URL signed so far invalid."""
        self._secret += 1

    def routes(self) -> list[Route]:
        """Return the route of the object store."""
        return [Route(f"{self._prefix}/{{name}}", self._serve)]

    def _signature(self, file_id: str, until: int) -> str:
        return hmac.new(b"%d" % self._secret, f"{file_id}:{until}".encode(), hashlib.sha256).hexdigest()

    async def _serve(self, request: Request) -> Response:
        if self._refuses_bearer and "authorization" in request.headers:
            raise Refusal(400, "Only one auth mechanism allowed")
        file = self._find(request.path_params["name"].partition(".")[0])
        until = request.query_params.get("X-Expires", "")
        if file is None or not until.isdecimal():
            raise Refusal(403, "SignatureDoesNotMatch")
        expected = self._signature(file.id, int(until))
        if not hmac.compare_digest(expected, request.query_params.get("X-Signature", "")):
            raise Refusal(403, "SignatureDoesNotMatch")
        if self._clock().timestamp() >= int(until):
            raise Refusal(403, "Request has expired")
        return ContentResponse(file.content, file.stem + file.suffix, file.created)
