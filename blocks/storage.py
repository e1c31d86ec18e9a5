"""Where assets go."""

from pathlib import Path

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, field_validator

from blocks.logos import logo
from eokit.storage import Storage, storage_from_url

__all__ = ["ObjectStorage"]


class ObjectStorage(Block):
    """A place for staged assets: a local folder.

    Example:
        Load a stored place:
        ```python
        from blocks import ObjectStorage

        storage = ObjectStorage.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "Object Storage"
    _block_type_slug = "eo-object-storage"
    _logo_url = logo("storage")
    _documentation_url = HttpUrl("https://docs.prefect.io/v3/concepts/blocks")
    _description = "Where staged assets go, as {owner}/{collection}/{item}/{asset}."

    url: str = Field(description="An absolute folder, or file:///folder.", title="URL")

    @field_validator("url")
    @classmethod
    def _usable(cls, value: str) -> str:
        expanded = str(Path(value).expanduser()) if value.startswith("~") else value
        storage_from_url(expanded)
        return expanded

    def open(self) -> Storage:
        """Give the storage."""
        return storage_from_url(self.url)
