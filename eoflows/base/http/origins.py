"""Origins: the scheme, host and port that a credential belongs to."""

import functools
from dataclasses import dataclass
from urllib.parse import SplitResult, urlsplit

from eoflows.base.errors import InvalidInputError, public_url

__all__ = ["Origin"]

_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class Origin:
    """Scheme, host (lower case) and port of an http(s) URL (RFC 6454)."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Origin":
        """Read the origin of a URL.

        Raises:
            InvalidInputError: It is not an absolute http or https URL.
        """
        try:
            parts = urlsplit(url)
            origin = _origin(parts.scheme, parts.netloc)
        except ValueError as error:
            raise InvalidInputError(f"{public_url(url)!r} is not a URL: {error}") from error
        if origin is None:
            raise InvalidInputError(f"{public_url(url)!r} is not an absolute http or https URL")
        return origin

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"


# Thousands of URLs have few hosts.
@functools.lru_cache(maxsize=256)
def _origin(scheme: str, netloc: str) -> Origin | None:
    parts = SplitResult(scheme, netloc, "", "", "")
    host, port = parts.hostname, parts.port
    known = _PORTS.get(scheme.lower())
    return Origin(scheme.lower(), host, port or known) if host and known else None
