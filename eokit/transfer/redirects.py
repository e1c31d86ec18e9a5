"""Where a redirect may lead."""

from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from eokit.errors import ContractError, ForbiddenAddressError, InvalidInputError, public_url
from eokit.transfer.heads import Head

__all__ = ["MOST_REDIRECTS", "Target", "is_redirect", "next_target"]

MOST_REDIRECTS = 5
_STATUS = frozenset({301, 302, 303, 307, 308})


def is_redirect(head: Head) -> bool:
    """Whether the answer points elsewhere."""
    return head.status in _STATUS


@dataclass(frozen=True, slots=True)
class Target:
    """A URL, taken apart once.

    Attributes:
        url: As given.
        shown: Without query, for messages.
        host: Name or address, lower case.
        port: Port, the scheme's own if none is given.
        secure: Whether it is https.
    """

    url: str
    shown: str
    host: str
    port: int
    secure: bool

    @classmethod
    def of(cls, url: str) -> "Target":
        """Take an http(s) URL apart.

        Raises:
            InvalidInputError: It names no host, or carries a user or password.
        """
        try:
            parts = urlsplit(url)
            host, port, user = parts.hostname, parts.port, "@" in parts.netloc
        except ValueError as error:
            raise InvalidInputError(f"{public_url(url)!r} is not a URL: {error}") from error
        if not host:
            raise InvalidInputError(f"{public_url(url)!r} names no host")
        if user:
            raise InvalidInputError(f"{public_url(url)!r} carries a user or password; put them in a block")
        secure = parts.scheme.lower() == "https"
        port = port or (443 if secure else 80)
        return cls(url, public_url(url), host, port, secure)


def next_target(head: Head, here: Target) -> Target:
    """Give the target of a redirect.

    Raises:
        ContractError: It has no `Location`, or one that is no URL.
        ForbiddenAddressError: It leaves http(s), or leaves encryption.
        InvalidInputError: It carries a user or password.
    """
    location = head.headers.get("location", "")
    if not location:
        raise ContractError(f"redirect {head.status} without a location", url=here.shown)
    try:
        url = urljoin(here.url, location)
        scheme = urlsplit(url).scheme.lower()
    except ValueError as error:
        raise ContractError(f"redirect {head.status} to what is no URL", url=here.shown) from error
    if scheme not in ("http", "https"):
        raise ForbiddenAddressError(f"redirect from {here.shown} to {public_url(url)} is not http(s)")
    if scheme == "http" and here.secure:
        raise ForbiddenAddressError(f"redirect from {here.shown} to {public_url(url)} leaves encryption")
    return Target.of(url)
