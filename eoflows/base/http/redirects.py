"""Where a redirect may lead: the same rules for API calls and for bulk bytes."""

from urllib.parse import urljoin, urlsplit

from eoflows.base.errors import ContractError, ForbiddenAddressError, public_url

__all__ = ["MOST_REDIRECTS", "is_redirect", "next_url"]

MOST_REDIRECTS = 5
_STATUS = frozenset({301, 302, 303, 307, 308})


def is_redirect(status: int) -> bool:
    """Whether an answer of this status points elsewhere."""
    return status in _STATUS


def next_url(status: int, location: str, here: str) -> str:
    """Give the absolute URL that a redirect leads to.

    Args:
        status: The redirect's status, for messages.
        location: Its `Location`; empty if it has none.
        here: The URL that was asked.

    Raises:
        ContractError: It has no `Location`, or one that is no URL.
        ForbiddenAddressError: It leaves http(s), or leaves encryption.
    """
    if not location:
        raise ContractError(f"redirect {status} without a location", url=here)
    try:
        url = urljoin(here, location)
        scheme = urlsplit(url).scheme.lower()
    except ValueError as error:
        raise ContractError(f"redirect {status} to what is no URL", url=here) from error
    if scheme not in ("http", "https"):
        raise ForbiddenAddressError(f"redirect from {public_url(here)} to {public_url(url)} is not http(s)")
    if scheme == "http" and urlsplit(here).scheme.lower() == "https":
        raise ForbiddenAddressError(
            f"redirect from {public_url(here)} to {public_url(url)} leaves encryption"
        )
    return url
