"""The pages of a search, where it matters whether they are all there is."""

from collections.abc import AsyncIterator, Callable

from eoflows.base.errors import InvalidInputError, TruncatedError
from eoflows.stores.stac.items import ItemDict

__all__ = ["complete_pages", "partial_pages"]

Page = list[ItemDict]


async def complete_pages(pages: AsyncIterator[Page], limit: int | None) -> AsyncIterator[Page]:
    """Give the pages of a search, and refuse to end where a limit ended it.

    For choices among products: what was cut off could be what a policy would have chosen.

    Args:
        pages: Pages of the search.
        limit: The search's limit of items in all, or None.

    Raises:
        InvalidInputError: As many items came as the limit allows, so there may be more.
        TruncatedError: The server gave fewer items than it has.
    """
    came = 0
    async for page in pages:
        came += len(page)
        yield page
    if limit is not None and came >= limit:
        raise InvalidInputError(
            f"the search ended at its limit of {limit} items, and what lies beyond could be the better "
            "choice; leave the limit out, a policy chooses by itself"
        )


async def partial_pages(
    pages: AsyncIterator[Page], told: Callable[[TruncatedError], None]
) -> AsyncIterator[Page]:
    """Give the pages of a search, and end in peace where the server cut them.

    For choices that look at each product by itself: what came is wanted whatever else there is.

    Args:
        pages: Pages of the search.
        told: Called if the server gave fewer items than it has.
    """
    try:
        async for page in pages:
            yield page
    except TruncatedError as error:
        told(error)
