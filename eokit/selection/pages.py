"""Pages that must be all there is: what was cut off could be what a policy would have chosen."""

from collections.abc import AsyncIterator

from eokit.errors import InvalidInputError
from eokit.stac.items import ItemDict

__all__ = ["complete_pages"]

Page = list[ItemDict]


async def complete_pages(pages: AsyncIterator[Page], limit: int | None) -> AsyncIterator[Page]:
    """Give the pages of a search, and refuse to end where a limit ended it.

    Args:
        pages: Pages of the search.
        limit: The search's limit of items in all, or None.

    Raises:
        InvalidInputError: As many items came as the limit allows, so there may be more.
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
