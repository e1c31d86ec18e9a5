"""How Cloud Storage says no."""

from eoflows.sandbox.stac.errors import Refusal

__all__ = ["refusal"]

_REASONS = {
    400: "invalid",
    401: "authError",
    403: "forbidden",
    404: "notFound",
    409: "conflict",
    412: "conditionNotMet",
    416: "requestedRangeNotSatisfiable",
    501: "notImplemented",
}


def refusal(status: int, message: str, reason: str | None = None) -> Refusal:
    """Return a refusal in the JSON API's words; without a reason, the usual one of the status."""
    reason = reason or _REASONS[status]
    error = {"message": message, "domain": "global", "reason": reason}
    return Refusal(
        status, message, document={"error": {"code": status, "message": message, "errors": [error]}}
    )
