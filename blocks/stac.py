"""A STAC API that is searched, or that is the catalogue of what was staged."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Literal
from urllib.parse import urlsplit

from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, HttpUrl, field_validator

from eoflows.base.http import HttpClient, Keyring, Origin
from eoflows.blocks.logos import logo
from eoflows.blocks.oauth2 import OAuth2Credentials
from eoflows.blocks.rs_server import RsServerCredentials
from eoflows.blocks.s3 import S3Bucket
from eoflows.products.environment import Source
from eoflows.stores.catalog.remote import CatalogProfile, RemoteCatalog
from eoflows.stores.stac import StacClient
from eoflows.stores.stac.client import MatchedCount

__all__ = ["StacApi"]

_WRITE_SECONDS = 120.0
"""RS-Server looks at every stored object before it takes a batch."""


class StacApi(Block):
    """A STAC API: one of RS-Server's stations (AUXIP, CADIP, PRIP), CDSE, or any other.

    Example:
        Load a stored API:
        ```python
        from eoflows.blocks import StacApi

        api = StacApi.load("BLOCK_NAME")
        ```
    """

    # A URL that is refused may hold a password.
    model_config = ConfigDict(hide_input_in_errors=True)

    _block_type_name = "STAC API"
    _block_type_slug = "stac-api"
    _logo_url = logo("stac")
    _documentation_url = HttpUrl("https://github.com/radiantearth/stac-api-spec")
    _description = "A STAC API that flows search: a station, CDSE, or any other."

    url: str = Field(description="Landing page, like https://stac.dataspace.copernicus.eu/v1/.", title="URL")
    credentials: RsServerCredentials | None = Field(
        default=None, description="API key of this API; empty for one that takes none."
    )
    login: OAuth2Credentials | None = Field(
        default=None,
        description="User and password for tokens: for its assets, and for the API itself if it has no key.",
    )
    asset_origins: list[str] = Field(
        default_factory=list,
        description="Other origins that deliver this API's assets, like https://station:8443; they get its "
        "credentials, and may have private addresses.",
    )
    bucket: S3Bucket | None = Field(default=None, description="Access to the bucket of its s3:// assets.")
    more_buckets: list[S3Bucket] = Field(
        default_factory=list,
        description="Access to further buckets of its assets; an s3:// address says which one is meant.",
    )
    schemes: list[Literal["https", "http", "s3"]] = Field(
        default=["https", "http", "s3"],
        description="URL schemes to fetch assets by, the preferred first.",
    )
    page_size: int = Field(default=1000, ge=1, le=10_000, description="Items to ask for per page.")
    number_matched: MatchedCount = Field(
        default="exact",
        description="What `numberMatched` of its answers is: exact, so that fewer items are an answer that "
        "was cut and the run says so; or an estimate, which tells nothing.",
    )
    catalog_profile: CatalogProfile = Field(
        default=CatalogProfile.RS_SERVER,
        description="Only where this API is the catalogue of an environment: rs-server names collections "
        "owner:collection and writes timestamps itself; pgstac is a stac-fastapi-pgstac with transactions.",
    )

    @field_validator("url")
    @classmethod
    def _absolute(cls, value: str) -> str:
        Origin.of(value)
        parts = urlsplit(value)
        if parts.username or parts.password or parts.query or parts.fragment:
            # Not repeated in the message: what stands there may be a secret.
            raise ValueError(
                "a URL has no user, password, query or fragment here; use `credentials` or `login`"
            )
        return value

    @field_validator("asset_origins")
    @classmethod
    def _origins(cls, value: list[str]) -> list[str]:
        return [str(Origin.of(origin)) for origin in value]

    @property
    def origins(self) -> Iterator[Origin]:
        """The origins that an operator vouches for: the API's and its assets'."""
        yield Origin.of(self.url)
        yield from map(Origin.of, self.asset_origins)

    @property
    def keyring(self) -> Keyring:
        """The credentials of each origin."""
        key = self.credentials.credentials() if self.credentials else None
        login = self.login.credentials() if self.login else None
        keys = [(Origin.of(self.url), key or login)]
        keys += [(Origin.of(origin), login or key) for origin in self.asset_origins]
        return Keyring((origin, credentials) for origin, credentials in keys if credentials is not None)

    @property
    def buckets(self) -> Iterator[S3Bucket]:
        """The buckets of its assets."""
        if self.bucket is not None:
            yield self.bucket
        yield from self.more_buckets

    @property
    def source(self) -> Source:
        """The settings for searches and transfers."""
        return Source(self.url, tuple(self.schemes), self.page_size, self.number_matched)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[StacClient]:
        """Open a client for this API alone."""
        async with HttpClient(keyring=self.keyring, trusted=self.origins) as http:
            yield StacClient(self.url, http, page_size=self.page_size, matched=self.number_matched)

    @asynccontextmanager
    async def open_catalog(self, *, writable: bool = True) -> AsyncIterator[RemoteCatalog]:
        """Open this API as a catalogue of what was staged; it must offer transactions.

        Args:
            writable: Whether it may be written.
        """
        async with HttpClient(keyring=self.keyring, trusted=self.origins, timeout=_WRITE_SECONDS) as http:
            yield RemoteCatalog(self.url, http, profile=self.catalog_profile, writable=writable)
