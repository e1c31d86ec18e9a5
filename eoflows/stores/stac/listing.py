"""A listing that comes in pages: none leads back, and its end is known from a break."""

from eoflows.base.errors import ContractError, TruncatedError

__all__ = ["Listing"]

_EMPTY_PAGES = 3
"""Empty pages with a next link that are followed: a server may filter a page after it was cut."""


class Listing:
    """What has been asked and has come so far.

    Args:
        url: Where it is asked for, for messages.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._asked: set[str] = set()
        self._came, self._empty, self._matched = 0, 0, -1

    def ask(self, *request: object) -> None:
        """Note the request for the next page.

        Raises:
            TruncatedError: Empty pages lead on to others without end.
            ContractError: It was made before: the pages run in a circle.
        """
        signature = repr(request)
        if self._empty and (signature in self._asked or self._empty > _EMPTY_PAGES):
            raise TruncatedError(
                f"after {self._came} items came empty pages that lead on to others", url=self._url
            )
        if signature in self._asked:
            raise ContractError(f"page {len(self._asked) + 1} leads back to an earlier page", url=self._url)
        self._asked.add(signature)

    def take(self, items: int, matched: int = -1) -> bool:
        """Note what a page has, and tell whether a next link is to be followed.

        Args:
            items: How many it has.
            matched: How many there are in all, as the page says; -1 if it does not.
        """
        self._came, self._empty = self._came + items, 0 if items else self._empty + 1
        self._matched = max(self._matched, matched)
        return not (self._empty and 0 <= self._matched <= self._came)

    def end(self) -> None:
        """Note that there is no further page.

        Raises:
            TruncatedError: Fewer items came than pages have said there are.
        """
        if self._came < self._matched:
            raise TruncatedError(
                f"the server says that {self._matched} items match, and its pages ended after {self._came}; "
                "if it only estimates their number, say so where this API is configured",
                url=self._url,
            )
