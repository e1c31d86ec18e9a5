"""What the stand-ins believe of the real services, one frozen table each.

A field whose doc line says *believed* was never observed on the real service: who observes it, corrects it.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from eoflows.sandbox.cloud_storage.settings import CloudStorageSettings
from eoflows.sandbox.dummy import DummySettings
from eoflows.sandbox.earth_engine.settings import EarthEngineSettings
from eoflows.sandbox.geo_engine.settings import GeoEngineSettings
from eoflows.sandbox.ogc_processes.settings import OgcProcessesSettings, Pace
from eoflows.sandbox.up42.settings import Up42Settings

__all__ = [
    "ApiKey",
    "CatalogueSettings",
    "CdseSettings",
    "CollectionSettings",
    "SandboxSettings",
    "StagingSettings",
    "StationSettings",
    "utc_now",
]

DownloadAuth = Literal["none", "api_key", "bearer", "either"]


def utc_now() -> datetime:
    """Return the time now, aware, in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """What one `x-api-key` may do."""

    user: str
    """Login of the person; the owner of what they write when no owner is named."""
    roles: tuple[str, ...] = ("rs_*",)
    """Patterns of role names, as `rs_auxip_s1-aux_read` or `rs_catalog_alice:*_write`."""
    owners: tuple[str, ...] = ("*",)
    """Patterns of the owners whose catalogue collections the key may change."""


@dataclass(frozen=True, kw_only=True)
class CollectionSettings:
    """A collection of a station: a name and a query that no user can widen."""

    id: str
    """Identifier, as in `collections` of a search."""
    query: Mapping[str, str] = field(default_factory=dict)
    """Property name to pattern (`*`, `?`); a product belongs to the collection when all match."""


@dataclass(frozen=True, kw_only=True)
class StationSettings:
    """A station's STAC facade (AUXIP, PRIP, CADIP)."""

    default_limit: int = 1000
    """Items in a page when none is asked for (read in the source)."""
    max_limit: int = 10_000
    """Largest page (read in the source)."""
    over_max_limit: Literal["cut", "refuse"] = "refuse"
    """A larger page is refused with 422 (believed)."""
    default_sort: str = "-created"
    """Order when none is asked for (read in the source)."""
    created_shows: Literal["content_date", "publication"] = "content_date"
    """What an item's `created` holds; filters and sorts on it use the publication (read in the source)."""
    keep_inner_suffix: bool = True
    """`x.SEN3.zip` has the id `x.SEN3` (believed); else `x`."""
    nested_and: bool = True
    """`and` inside `and` is accepted (believed)."""
    number_matched: bool = True
    """Pages carry `numberMatched` (believed)."""
    most_results: int | None = None
    """A search gives at most so many items in all, and then ends without a word; None: all (believed)."""
    next_link_merges: bool = True
    """The next link's body is merged with the request's (believed); else it is the whole body."""
    download_auth: DownloadAuth = "api_key"
    """What a download demands; the real stations want a bearer token, which rs-server holds for its users."""
    download_auth_elsewhere: DownloadAuth = "none"
    """The same at the second origin, which plays the storage host of a signed URL (believed)."""
    evicted: Literal["serve", "refuse"] = "serve"
    """An evicted product is still served (as the public mocks do) or answered with 404 (believed)."""


@dataclass(frozen=True, kw_only=True)
class CdseSettings:
    """The CDSE-like STAC API."""

    default_limit: int = 10
    """Items in a page when none is asked for (believed)."""
    max_limit: int = 10_000
    """Largest page; a larger one is cut (believed, as pgstac does)."""
    download_auth: DownloadAuth = "bearer"
    """What the https download demands; searches need nothing."""
    bucket: str = "eodata"
    """Bucket of the `s3://` hrefs."""
    multihash: bool = True
    """`file:checksum` is a multihash in lower case (documented for CDSE), not a bare MD5."""
    extra_assets: bool = True
    """Items also have a manifest and a thumbnail, whose main href is `s3://` (believed in detail)."""


@dataclass(frozen=True, kw_only=True)
class CatalogueSettings:
    """The RS catalogue: stac-fastapi-pgstac behind a middleware."""

    default_limit: int = 10
    """Items in a page when none is asked for (observed on pgstac)."""
    max_limit: int = 10_000
    """Largest page; a larger one is cut (observed on pgstac)."""
    number_matched: bool = False
    """Pages carry `numberMatched` (observed on pgstac: never)."""
    missing_collection: Literal[404, 500] = 404
    """Answer to a write in an unknown collection (read); pgstac alone: 500, connection closed (observed)."""
    unknown_operator: int = 500
    """Answer to an operator that does not exist (observed on pgstac)."""
    timestamp_on_text: int = 500
    """Answer to a {timestamp} compared with a date that is no queryable (observed on pgstac)."""
    item_lifetime_days: float | None = 30.0
    """Days until an item's assets are taken away; None: never (believed; the real table is per type)."""
    accepts_owner_colon: bool = True
    """A search also accepts `owner:collection` where `owner_collection` is documented (believed)."""


@dataclass(frozen=True, kw_only=True)
class StagingSettings:
    """RS-Server's staging service."""

    directory: Path | None = None
    """Where staged files land, as `bucket/owner/collection/item/file`, with file URIs in the catalogue; None:
    they are downloaded and dropped, and the catalogue has `s3://` addresses as the real service's."""
    bucket: str = "rs-sandbox-staging"
    """Bucket of all addresses; the real service chooses it by owner, collection and type."""
    at_once: int = 4
    """Downloads of one job at one moment (believed)."""
    fails_at_once: str | None = None
    """A message: each new job has failed already in the answer, which is 201 all the same (read in the
    source)."""
    twin: Literal["fails", "succeeds"] = "fails"
    """What publishing an item does that somebody else has published meanwhile (409): the real service means
    to take it as success, but fails, and deletes the files (read in the source, not run)."""
    catalogue_timeout: float = 5.0
    """Seconds until the catalogue must have answered a search (read in the source)."""
    pace: Pace = asyncio.sleep
    """Waits before each download, so that a test can hold a job between two assets."""


def _stations() -> dict[str, tuple[CollectionSettings, ...]]:
    missions = (("s1", "sentinel-1?"), ("s2", "sentinel-2?"), ("s3", "sentinel-3?"))

    def table(kind: str, everything: str) -> tuple[CollectionSettings, ...]:
        own = [CollectionSettings(id=f"{m}-{kind}", query={"platform": p}) for m, p in missions]
        return (*own, CollectionSettings(id=everything))

    return {"auxip": table("aux", "adgs"), "prip": table("l0", "prip"), "cadip": table("sessions", "cadip")}


@dataclass(frozen=True, kw_only=True)
class SandboxSettings:
    """Everything that can be set on a sandbox."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 0
    """Port of the first origin; 0: a free one. The second origin always takes a free one."""
    seed: int = 0
    """Another seed, other identifiers, bodies and faults by chance."""
    start: date = date(2025, 8, 1)
    """First day of the generated products."""
    days: int = 21
    """Number of days with generated products; 0: none."""
    load: tuple[Path, ...] = ()
    """Lists of real products, JSON lines (`.gz` or not), for /auxip."""
    scale: float = 1.0
    """Factor on the size of loaded products; size and checksum are then those of the smaller body."""
    published_from: Literal["created", "last_modified"] = "created"
    """Publication time of loaded products: the creation time in the name, or the list's last_modified."""
    keys: Mapping[str, ApiKey] = field(
        default_factory=lambda: {
            "sandbox-demo-key": ApiKey(user="demo"),
            "sandbox-reader-key": ApiKey(user="reader", roles=("rs_*_read", "rs_*_download"), owners=()),
        }
    )
    """Known values of `x-api-key`."""
    users: Mapping[str, str] = field(default_factory=lambda: {"demo": "demo-password"})
    """Login to password, for the OAuth2 password grant."""
    token_lifetime: float = 600.0
    """Seconds that an access token lives."""
    refresh_lifetime: float | None = 3600.0
    """Seconds that a refresh token lives; None: `refresh_expires_in` is absent, as on some stations."""
    collections: Mapping[str, tuple[CollectionSettings, ...]] = field(default_factory=_stations)
    """Collections of each station."""
    stations: Mapping[str, StationSettings] = field(default_factory=dict)
    """Settings by station (`auxip`, `prip`, `cadip`); absent: the defaults."""
    cdse: CdseSettings = field(default_factory=CdseSettings)
    """The CDSE-like STAC API."""
    catalogue: CatalogueSettings = field(default_factory=CatalogueSettings)
    """The RS catalogue."""
    staging: StagingSettings = field(default_factory=StagingSettings)
    """RS-Server's staging service."""
    ogc_processes: Mapping[str, OgcProcessesSettings] = field(
        default_factory=lambda: {"/ogc": OgcProcessesSettings()}
    )
    """OGC API - Processes servers by the prefix of their paths."""
    geo_engine: GeoEngineSettings = field(default_factory=GeoEngineSettings)
    """The Geo Engine, in all its versions."""
    dummy: DummySettings = field(default_factory=DummySettings)
    """The made-up service that runs jobs."""
    up42: Up42Settings = field(default_factory=Up42Settings)
    """UP42 processing, in all its regions."""
    earth_engine: EarthEngineSettings = field(default_factory=EarthEngineSettings)
    """Google Earth Engine, all projects."""
    cloud_storage: CloudStorageSettings = field(default_factory=CloudStorageSettings)
    """Google Cloud Storage."""
    log_capacity: int = 200_000
    """Entries kept in the request log; the oldest go first."""
    clock: Callable[[], datetime] = utc_now
    """The time now, for timestamps, expiry of items and of tokens."""
