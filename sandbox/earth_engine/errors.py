"""How Earth Engine says no."""

from eoflows.sandbox.stac.errors import Refusal

__all__ = ["GraphError", "refusal"]

_WORDS = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    409: "ABORTED",
    429: "RESOURCE_EXHAUSTED",
    501: "UNIMPLEMENTED",
    503: "UNAVAILABLE",
}


class GraphError(Exception):
    """A graph cannot be evaluated; the message is the one that the user reads."""

    def __init__(self, message: str, code: int = 3) -> None:
        super().__init__(message)
        self.code = code
        """Code of google.rpc; 3: INVALID_ARGUMENT."""


def refusal(status: int, message: str, word: str | None = None) -> Refusal:
    """Return a refusal as Google's APIs word it; without a status word, the usual one."""
    error = {"code": status, "message": message, "status": word or _WORDS.get(status, "UNKNOWN")}
    return Refusal(status, message, document={"error": error})
