"""What is in storage, in plain code."""

from functools import cached_property

from pystac import ItemCollection

from eoflows.base.background import wait_for
from eoflows.services.up42.client import Up42Client
from eoflows.services.up42.plain import items_of, plain_client

__all__ = ["Asset", "initialize_asset"]


class Asset:
    """Something bought or made: one or more STAC items in storage.

    Args:
        asset_id: Its id.
        client: The account.
    """

    def __init__(self, asset_id: str, client: Up42Client) -> None:
        self.asset_id, self._client = asset_id, client

    @cached_property
    def stac_items(self) -> ItemCollection:
        """Its STAC items, asked for once; empty if there is no such asset."""
        found = wait_for(items_of(self._client.items("asset_id", self.asset_id)))
        return ItemCollection(found, clone_items=False)


def initialize_asset(asset_id: str, *, client: Up42Client | None = None) -> Asset:
    """Give an asset in storage.

    Args:
        asset_id: Its id.
        client: The account; None: that of the nearest `with Up42Client(...)`.

    Example:
        ```python
        asset = initialize_asset(asset_id="68567134-27ad-7bd7-4b65-d61adb11fc78")
        template = processing_templates.DetectionTreesSpacept(title="Trees", item=asset.stac_items[0])
        ```
    """
    return Asset(asset_id, plain_client(client))
