"""What an answer of 400 or above means, and what may be shown of the service's words."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import orjson

from eoflows.base.errors import (
    AbsentError,
    ConflictError,
    CredentialsError,
    RefusedError,
    ServiceError,
    ThrottledError,
    UnreachableError,
    public_url,
)
from eoflows.base.http.retry import RETRIED_STATUS, retry_after
from eoflows.base.secrets import hide, hide_in, sent_in

__all__ = ["error_of"]

_URL_WITH_SECRETS = re.compile(r"https?:(?:\\?/){2}[^\s\"'<>]*[?@#][^\s\"'<>]*", re.IGNORECASE)
_STANDARD = frozenset(
    (
        *("accept", "accept-encoding", "connection", "content-length", "content-type", "host", "if-range"),
        *("prefer", "range", "transfer-encoding", "user-agent"),
    )
)
_REFUSALS: Mapping[int, type[RefusedError]] = {
    401: CredentialsError,
    403: CredentialsError,
    404: AbsentError,
    410: AbsentError,
    409: ConflictError,
    412: ConflictError,
}


def error_of(answer: httpx.Response, url: str, sent: Mapping[str, str] | None = None) -> ServiceError:
    """Turn an answer of 400 or above into the error that says what to do about it.

    Args:
        answer: The answer, its body read.
        url: What was asked; it is shown without its query.
        sent: The request's headers; what is secret in them is not shown, should the answer repeat it.
    """
    private = _private(url, sent or {})
    error = _error_of(answer, url, _detail(answer, private))
    error.document = _document(answer, private)
    return error


def _private(url: str, sent: Mapping[str, str]) -> list[str]:
    """What this one request was sent with: also short words, and headers of any name."""
    own = [value for name, value in sent.items() if name.lower() not in _STANDARD]
    return [one for one in {*sent_in(url, sent), *own} if len(one) > 3]


def _error_of(answer: httpx.Response, url: str, detail: str) -> ServiceError:
    status = answer.status_code
    message = f"answered {status}" + (f": {detail}" if detail else "")
    if status in RETRIED_STATUS or status >= 500:
        error = UnreachableError(message, url=url)
        if status in (429, 503):
            asked = retry_after(answer.headers.get("retry-after"))
            error = ThrottledError(message, url=url, retry_after=asked, status=status)
        error.answered = status
        return error
    if status in (401, 403):
        message += "; check the credentials in the block of this service"
    return _REFUSALS.get(status, RefusedError)(message, url=url, status=status, detail=detail)


def _document(answer: httpx.Response, private: Sequence[str]) -> Any:
    """The answer's JSON, or None; it is written anew first, so that one that is too deep for that is none."""
    try:
        document = orjson.loads(orjson.dumps(orjson.loads(answer.content)))
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        return None
    return _without_queries(hide_in(document, private))


def _without_queries(document: Any) -> Any:
    match document:
        case str():
            return _URL_WITH_SECRETS.sub(_public, document)
        case dict():
            return {name: _without_queries(one) for name, one in document.items()}
        case list():
            return [_without_queries(one) for one in document]
        case _:
            return document


def _detail(answer: httpx.Response, private: Sequence[str], most: int = 300) -> str:
    """What the service said: problem+json, RS-Server's JSON inside a JSON string, or plain text."""
    try:
        document: Any = orjson.loads(answer.content)
        for key in ("detail", "description", "title", "message"):
            if isinstance(document, dict) and document.get(key):
                document = document[key]
                if isinstance(document, str) and document.startswith("{"):
                    inner = orjson.loads(document)
                    document = inner.get("detail", document)
                break
    except orjson.JSONDecodeError:
        if "json" not in answer.headers.get("content-type", "") and b"<" in answer.content[:50]:
            return f"a page of {len(answer.content)} bytes instead of JSON"
        document = answer.text
    text = _URL_WITH_SECRETS.sub(_public, " ".join(str(document).split()))
    # Before it is cut: half a secret is one, too.
    text = hide(text, private)
    return text if len(text) <= most else text[:most] + "..."


def _public(found: re.Match[str]) -> str:
    return public_url(found[0].replace("\\/", "/"))
