"""What the Cloud Storage stand-in believes of the service.

Any field but the buckets can be changed for single requests by the fault `behave` (see `sandbox/faults.py`).
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["CloudStorageSettings"]


@dataclass(frozen=True, kw_only=True)
class CloudStorageSettings:
    """The buckets and the ways of their server."""

    buckets: tuple[str, ...] = ("eo-bucket",)
    """Buckets that are there at the start."""
    auth: Literal["none", "bearer"] = "none"
    """`none`: whoever asks, as an emulator; `bearer`: a token of a service account made here, or the static
    one."""
    page_size: int = 1000
    """Most entries in a page of a list (documented)."""
    upload_unit: int = 256 * 1024
    """All pieces of a resumable upload but the last are multiples of it (documented)."""
    composite_md5: bool = False
    """Objects made by `compose` have an MD5; the real ones have none (documented)."""
    hash_header: Literal["good", "none", "wrong"] = "good"
    """`X-Goog-Hash` of a download: true, left out, or of other content."""
    overwrite: Literal["no", "before", "after"] = "no"
    """What happens to an object that is downloaded: it gets a new generation with other content of the same
    length just before the answer, or right after it. To be ordered by `behave`, for one request."""
    refuses: tuple[int, str, str] | None = None
    """Status, reason and message of an error that answers instead: `(429, "rateLimitExceeded", "Slow down")`.
    To be ordered by `behave`."""
