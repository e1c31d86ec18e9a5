"""Errors as Geo Engine writes them: always JSON, `{"error": NAME, "message": TEXT}`."""

from eoflows.sandbox.stac.errors import Refusal

__all__ = ["EngineError", "bad_query", "unauthorized"]


class EngineError(Refusal):
    """A refusal with the name of Geo Engine's error variant; 400 unless the service knows better."""

    def __init__(self, error: str, message: str, status: int = 400) -> None:
        super().__init__(status, message, document={"error": error, "message": message})
        self.error = error


def unauthorized(reason: str) -> EngineError:
    """Return the refusal of a request without a good session."""
    return EngineError("Unauthorized", f"Authorization error: {reason}", 401)


def bad_query(reason: str) -> EngineError:
    """Return the refusal of a query string."""
    return EngineError("UnableToParseQueryString", f"Unable to parse query string: {reason}")
