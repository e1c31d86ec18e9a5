"""The one way in which a service says no."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

__all__ = ["Refusal", "answer_refusal"]


class Refusal(Exception):
    """A definite answer that is no success."""

    def __init__(
        self,
        status: int,
        detail: str,
        headers: Mapping[str, str] | None = None,
        *,
        document: Mapping[str, Any] | None = None,
        close: bool = False,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.headers = dict(headers or {})
        self.document = document or {"detail": detail}
        """Body of the answer."""
        self.close = close
        """The server closes the connection after it."""


async def answer_refusal(request: Request, refusal: Exception) -> Response:
    """Turn a refusal into its answer."""
    if not isinstance(refusal, Refusal):
        raise refusal
    if refusal.close:
        refusal.headers["connection"] = "close"
    return JSONResponse(dict(refusal.document), refusal.status, refusal.headers)
