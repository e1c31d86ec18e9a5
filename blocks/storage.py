"""Where assets go."""

from pathlib import Path
from typing import Self

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, model_validator

from eoflows.blocks.logos import logo
from eoflows.blocks.s3 import S3Bucket
from eoflows.stores.storage import Storage, storage_from_url

__all__ = ["ObjectStorage"]


class ObjectStorage(Block):
    """A place for staged assets: a local folder, or a bucket.

    Example:
        Load a stored place:
        ```python
        from eoflows.blocks import ObjectStorage

        storage = ObjectStorage.load("BLOCK_NAME")
        ```
    """

    _block_type_name = "Object Storage"
    _block_type_slug = "eo-object-storage"
    _logo_url = logo("storage")
    _documentation_url = HttpUrl("https://docs.prefect.io/v3/concepts/blocks")
    _description = "Where staged assets go, as {owner}/{collection}/{item}/{asset}."

    url: str = Field(description="An absolute folder, file:///folder, or s3://bucket/prefix.", title="URL")
    bucket: S3Bucket | None = Field(default=None, description="Endpoint and keys, for s3:// only.")
    spool: Path | None = Field(
        default=None,
        description="Local folder with an absolute path; downloads for s3:// are verified and resumed here.",
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        self.open()
        return self

    def open(self) -> Storage:
        """Give the storage."""
        url = str(Path(self.url).expanduser()) if self.url.startswith("~") else self.url
        return storage_from_url(url, bucket=self.bucket.open() if self.bucket else None, spool=self.spool)
