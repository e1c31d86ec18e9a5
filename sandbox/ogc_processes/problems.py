"""What goes wrong, and the bodies in which servers say so."""

from html import escape

import orjson
from starlette.responses import HTMLResponse, Response

from eoflows.sandbox.ogc_processes.settings import ErrorStyle

__all__ = ["Problem", "gone", "no_such_job", "no_such_process", "not_ready"]

_TYPES = "http://www.opengis.net/def/exceptions/ogcapi-processes-1/1.0"
_PYGEOAPI_TYPES = {
    "no-such-process": "NoSuchProcess",
    "no-such-job": "InvalidParameterValue",
    "result-not-ready": "ResultNotReady",
    "invalid-parameter": "InvalidParameterValue",
}


class Problem(Exception):
    """A definite answer that is no success (RFC 7807)."""

    def __init__(self, status: int, title: str, detail: str, *, kind: str = "", challenge: str = "") -> None:
        super().__init__(detail)
        self.status = status
        self.title = title
        self.detail = detail
        self.kind = kind
        """Last part of the standard's type URI; empty: it has none."""
        self.challenge = challenge
        """Value of WWW-Authenticate."""

    def answer(self, style: ErrorStyle, instance: str) -> Response:
        """Return the answer; `instance` is the path that was asked for."""
        response = self._body(style, instance)
        if self.challenge:
            response.headers["www-authenticate"] = self.challenge
        return response

    def document(self, instance: str) -> dict[str, object]:
        """Return the RFC 7807 document."""
        return {
            "type": f"{_TYPES}/{self.kind}" if self.kind else "about:blank",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
        }

    def _body(self, style: ErrorStyle, instance: str) -> Response:
        if style == "empty":
            return Response(status_code=self.status)
        if style == "html":
            title = f"{self.status} {escape(self.title)}"
            page = f"<html><head><title>{title}</title></head><body><h1>{title}</h1></body></html>"
            return HTMLResponse(page, self.status)
        if style == "pygeoapi":
            word = _PYGEOAPI_TYPES.get(self.kind, "NoApplicableCode")
            document: object = {"code": word, "type": word, "description": self.detail}
            return Response(orjson.dumps(document), self.status, media_type="application/json")
        media_type = "application/problem+json" if style == "problem" else "application/json"
        return Response(orjson.dumps(self.document(instance)), self.status, media_type=media_type)


def no_such_process(name: str) -> Problem:
    """Return the answer to an unknown process."""
    return Problem(404, "No such process", f"There is no process {name!r}.", kind="no-such-process")


def no_such_job(name: str) -> Problem:
    """Return the answer to an unknown job."""
    return Problem(404, "No such job", f"There is no job {name!r}.", kind="no-such-job")


def not_ready(name: str, status: int = 404) -> Problem:
    """Return the answer to a request for results that do not exist yet."""
    return Problem(status, "Result not ready", f"Job {name!r} has not finished.", kind="result-not-ready")


def gone(name: str) -> Problem:
    """Return the answer to a request for a dismissed job."""
    return Problem(410, "Gone", f"Job {name!r} was dismissed.", kind="gone")
