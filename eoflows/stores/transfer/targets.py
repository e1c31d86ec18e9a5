"""URLs, taken apart once."""

import functools
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from eoflows.base.errors import InvalidInputError, public_url

__all__ = ["Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """An http(s) URL.

    Attributes:
        url: As given.
        shown: Without query, for messages.
        host: Name or address, lower case.
        port: Port, the scheme's own if none is given.
    """

    url: str
    shown: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Target":
        """Take an http(s) URL apart.

        Raises:
            InvalidInputError: It names no host, or carries a user or password.
        """
        try:
            parts = urlsplit(url)
            shown, host, port = _place(parts.scheme, parts.netloc)
        except ValueError as error:
            raise InvalidInputError(f"{public_url(url)!r} is not a URL: {error}") from error
        if not host:
            raise InvalidInputError(f"{public_url(url)!r} names no host")
        if "@" in parts.netloc:
            raise InvalidInputError(f"{public_url(url)!r} carries a user or password; put them in a block")
        return cls(url, shown + parts.path, host, port)


# Thousands of URLs have few hosts.
@functools.lru_cache(maxsize=256)
def _place(scheme: str, netloc: str) -> tuple[str, str, int]:
    """Give the beginning of the URL as it may be shown, its host and its port."""
    parts = SplitResult(scheme, netloc, "", "", "")
    port = parts.port or (443 if scheme.lower() == "https" else 80)
    return public_url(parts.geturl()), parts.hostname or "", port
