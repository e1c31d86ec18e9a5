"""The catalogue of what was staged."""

from pathlib import Path

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, field_validator

from eoflows.blocks.logos import logo
from eoflows.stores import catalog

__all__ = ["LocalCatalog"]


class LocalCatalog(Block):
    """A STAC catalogue in one SQLite file, for workers on one host.

    Example:
        Load a stored catalogue:
        ```python
        from eoflows.blocks import LocalCatalog

        local_catalog = LocalCatalog.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "Local Catalog"
    _block_type_slug = "local-catalog"
    _logo_url = logo("catalog")
    _documentation_url = HttpUrl("https://github.com/radiantearth/stac-spec")
    _description = "A STAC catalogue in one SQLite file; all workers that use it must run on one host."

    path: Path = Field(description="The file, with an absolute path on a local disk; made at first use.")

    @field_validator("path")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        path = value.expanduser()
        if not path.is_absolute():
            raise ValueError(f"{value} is relative; workers start anywhere, give an absolute path")
        return path

    def open(self, *, create: bool = True) -> catalog.LocalCatalog:
        """Give the catalogue; nothing is opened before its first use.

        Args:
            create: Whether the file may be created and written.
        """
        return catalog.LocalCatalog(self.path, create=create)
