"""What plain calls have in common."""

from collections.abc import AsyncIterator

from pystac import Item

from eoflows.base.current_client import current
from eoflows.services.up42.client import Up42Client
from eoflows.stores.stac import ItemDict

__all__ = ["items_of", "plain_client"]


def plain_client(client: Up42Client | None) -> Up42Client:
    """Give the client that a plain call uses: the one named, else that of the nearest `with Up42Client(...)`.

    Raises:
        InvalidInputError: There is none, or it belongs to async code.
    """
    return current(Up42Client, client).plain()


async def items_of(pages: AsyncIterator[list[ItemDict]]) -> list[Item]:
    """Read all pages of items."""
    return [Item.from_dict(item) async for page in pages for item in page]
