"""Where a redirect may lead."""

from urllib.parse import urljoin, urlsplit

from eokit.errors import ContractError, ForbiddenAddressError, InvalidInputError, public_url
from eokit.transfer.heads import Head

__all__ = ["MOST_REDIRECTS", "check_url", "is_redirect", "next_url"]

MOST_REDIRECTS = 5
_STATUS = frozenset({301, 302, 303, 307, 308})


def is_redirect(head: Head) -> bool:
    """Whether the answer points elsewhere."""
    return head.status in _STATUS


def check_url(url: str) -> None:
    """Refuse a URL that names no host or carries a password.

    Raises:
        InvalidInputError: It does.
    """
    try:
        parts = urlsplit(url)
        host, user = parts.hostname, parts.username or parts.password
    except ValueError as error:
        raise InvalidInputError(f"{public_url(url)!r} is not a URL: {error}") from error
    if not host:
        raise InvalidInputError(f"{public_url(url)!r} names no host")
    if user:
        raise InvalidInputError(f"{public_url(url)!r} carries a user or password; put them in a block")


def next_url(head: Head, url: str) -> str:
    """Give the target of a redirect.

    Raises:
        ContractError: It has no `Location`, or one that is no URL.
        ForbiddenAddressError: It leaves http(s), or leaves encryption.
    """
    location = head.headers.get("location", "")
    if not location:
        raise ContractError(f"redirect {head.status} without a location", url=url)
    try:
        target = urljoin(url, location)
        scheme = urlsplit(target).scheme.lower()
    except ValueError as error:
        raise ContractError(f"redirect {head.status} to what is no URL", url=url) from error
    here, there = public_url(url), public_url(target)
    if scheme not in ("http", "https"):
        raise ForbiddenAddressError(f"redirect from {here} to {there} is not http(s)")
    if scheme == "http" and urlsplit(url).scheme.lower() == "https":
        raise ForbiddenAddressError(f"redirect from {here} to {there} leaves encryption")
    check_url(target)
    return target
