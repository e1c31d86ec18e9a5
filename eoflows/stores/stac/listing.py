"""A listing that comes in pages: none leads back, its end is known from a break, what it skipped shows."""

from eoflows.base.errors import ContractError, TruncatedError

__all__ = ["Listing"]

_IDLE_PAGES = 3
"""Pages with nothing new and a next link that are followed: a server may filter a page after it was cut."""


class Listing:
    """What has been asked and has come so far.

    Args:
        url: Where it is asked for, for messages.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._asked: set[str] = set()
        self._came, self._again, self._idle, self._matched = 0, 0, 0, -1
        self._empty = False

    def ask(self, *request: object) -> None:
        """Note the request for the next page.

        Raises:
            TruncatedError: Pages with nothing new lead on to others without end.
            ContractError: It was made before: the pages run in a circle.
        """
        signature = repr(request)
        if self._idle > _IDLE_PAGES or (self._empty and signature in self._asked):
            kind = "empty pages" if self._empty else "pages with nothing new"
            raise TruncatedError(
                f"after {self._came} items came {kind} that lead on to others", url=self._url
            )
        if signature in self._asked:
            raise ContractError(f"page {len(self._asked) + 1} leads back to an earlier page", url=self._url)
        self._asked.add(signature)

    def begin_again(self) -> None:
        """Forget what came: the same listing is read from its first page on, in another way."""
        self._came, self._again, self._idle, self._matched = 0, 0, 0, -1
        self._empty = False

    def take(self, new: int, again: int = 0, matched: int = -1) -> bool:
        """Note what a page has, and tell whether a next link is to be followed.

        Args:
            new: Items that came for the first time.
            again: Items that came on an earlier page already.
            matched: How many there are in all, as the page says; -1 if it does not.
        """
        self._came, self._again = self._came + new, self._again + again
        self._idle, self._empty = 0 if new else self._idle + 1, not new and not again
        self._matched = max(self._matched, matched)
        return not (self._idle and 0 <= self._matched <= self._came)

    def lacking(self) -> str:
        """At its end, say why it may not be all there is; an empty text if nothing says so."""
        if self._came < self._matched:
            return (
                f"the server says that {self._matched} items match, and its pages ended after {self._came} "
                "different ones; if it only estimates their number, say so where this API is configured"
            )
        if self._again and self._matched < 0:
            return (
                f"{self._again} items came on two pages: the list shifted while it was read, and others may "
                "have come on none"
            )
        return ""
