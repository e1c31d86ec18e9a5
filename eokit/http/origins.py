"""Origins: the scheme, host and port that a credential belongs to."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from eokit.errors import InvalidInputError, public_url

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
            port = parts.port
        except ValueError as error:
            raise InvalidInputError(f"{public_url(url)!r} is not a URL: {error}") from error
        scheme = parts.scheme.lower()
        if scheme not in _PORTS or not parts.hostname:
            raise InvalidInputError(f"{public_url(url)!r} is not an absolute http or https URL")
        return cls(scheme, parts.hostname.lower(), port or _PORTS[scheme])

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == _PORTS[self.scheme] else f":{self.port}"
        return f"{self.scheme}://{host}{port}"
