"""Where assets go."""

from pathlib import Path
from typing import Self
from urllib.parse import urlsplit

from prefect.blocks.core import Block
from pydantic import Field, HttpUrl, model_validator

from eoflows.base.http import Origin
from eoflows.blocks.google import GoogleCredentials
from eoflows.blocks.logos import logo
from eoflows.blocks.s3 import S3Bucket
from eoflows.stores.storage import Storage, storage_from_url
from eoflows.stores.transfer import GoogleBucket
from eoflows.stores.transfer import S3Bucket as Bucket

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

    url: str = Field(
        title="URL",
        description="An absolute folder, file:///folder, s3://bucket/prefix or gs://bucket/prefix.",
    )
    bucket: S3Bucket | None = Field(default=None, description="Endpoint and keys, for s3:// only.")
    spool: Path | None = Field(
        default=None,
        description="Local folder, an absolute path; downloads for a bucket are verified and resumed here.",
    )
    credentials: GoogleCredentials | None = Field(
        default=None, description="Who asks, for gs:// only; empty for stand-ins and public buckets."
    )
    google_url: str = Field(
        default="https://storage.googleapis.com",
        description="Origin of Cloud Storage, for gs:// only; another one for stand-ins.",
        title="Google URL",
    )
    proxy: str = Field(default="", description="URL of a proxy, for gs:// only; empty: none.")
    ca_bundle: Path | None = Field(
        default=None, description="PEM file of the authorities to trust, for gs:// only; empty: the system's."
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        self.open()
        return self

    def open(self) -> Storage:
        """Give the storage."""
        url = str(Path(self.url).expanduser()) if self.url.startswith("~") else self.url
        return storage_from_url(url, bucket=self._bucket(), spool=self.spool)

    def _bucket(self) -> Bucket | GoogleBucket | None:
        parts = urlsplit(self.url)
        if parts.scheme != "gs" or not parts.netloc:
            return self.bucket.open() if self.bucket else None
        return GoogleBucket(
            parts.netloc,
            credentials=self.credentials.credentials() if self.credentials else None,
            url=str(Origin.of(self.google_url)),
            proxy=self.proxy,
            ca_bundle=self.ca_bundle,
        )
