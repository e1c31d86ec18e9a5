"""STAC items in storage: what was bought, and what jobs made of it."""

import functools
import math
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from eoflows.sandbox.bodies import SyntheticContent
from eoflows.sandbox.products import timestamp
from eoflows.sandbox.up42.files import StoredFile
from eoflows.sandbox.up42.jobs import Job

__all__ = ["StoredItem", "result_item", "source_items"]

_TIFF = "image/tiff; application=geotiff; profile=cloud-optimized"
_FIRST = datetime(2024, 3, 1, 10, 30, tzinfo=UTC)
_SHORT = {"asset_id": "up42-system:asset_id", "job_id": "up42-system:job_id", "title": "up42-user:title"}
_KM_PER_DEGREE = 111.2


@dataclass(frozen=True, kw_only=True)
class StoredItem:
    """One STAC item and its files."""

    id: str
    collection: str
    account: str
    moment: datetime
    """When the scene was taken."""
    area: float
    """Square kilometres; what processes are paid by."""
    own: Mapping[str, Any]
    """Properties besides the time, as `up42-system:asset_id`."""
    files: Mapping[str, StoredFile]
    """By asset key."""
    api_prefix: str
    checksums: bool
    processable: bool = True
    """Old items are not: they lack the metadata that processes need."""

    @property
    def panchromatic(self) -> bool:
        """Whether there is a panchromatic band."""
        return "panchromatic" in self.files

    @property
    def path(self) -> str:
        """Path of the item below the API host."""
        return f"/v2/assets/stac/collections/{self.collection}/items/{self.id}"

    @functools.cached_property
    def bbox(self) -> list[float]:
        """West, south, east, north in degrees: a square on the equator of the item's area."""
        side = math.sqrt(self.area) / _KM_PER_DEGREE
        west = 10 + int(self.id[:4], 16) / 65536
        return [round(west, 6), 0.0, round(west + side, 6), round(side, 6)]

    @functools.cached_property
    def properties(self) -> Mapping[str, Any]:
        """The item's properties."""
        moment = timestamp(self.moment)
        times = {"datetime": moment, "start_datetime": moment, "end_datetime": moment}
        return {**times, "created": moment, "updated": moment, **self.own}

    def value(self, name: str) -> Any:
        """Return a property as filters and sorts see it; `asset_id` and `job_id` need no prefix."""
        if name in ("id", "collection", "bbox"):
            return getattr(self, name)
        name = name.removeprefix("properties.")
        return self.properties.get(_SHORT.get(name, name))

    def document(self, base_url: str, collection: str) -> dict[str, Any]:
        """Return the STAC item, without links."""
        west, south, east, north = self.bbox
        ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
        api = f"{base_url}{self.api_prefix}"
        return {
            "type": "Feature",
            "stac_version": "1.0.0",
            "stac_extensions": ["https://stac-extensions.github.io/file/v2.1.0/schema.json"],
            "id": self.id,
            "collection": collection,
            "geometry": {"type": "Polygon", "coordinates": [ring]},
            "bbox": self.bbox,
            "properties": dict(self.properties),
            "assets": {key: file.asset(api, checksums=self.checksums) for key, file in self.files.items()},
        }


def _file(account: str, name: str, key: str, size: int, created: datetime) -> StoredFile:
    name = f"{name}:{key}"
    return StoredFile(
        id=str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
        account=account,
        stem=key,
        suffix=".json" if key == "metadata" else ".tif",
        content=SyntheticContent(name, size),
        created=created,
        title=key.capitalize(),
        media_type="application/json" if key == "metadata" else _TIFF,
        roles=("metadata",) if key == "metadata" else ("data",),
    )


def source_items(
    account: str, workspace: str, count: int, *, seed: int, api_prefix: str, checksums: bool
) -> list[StoredItem]:
    """Return the items of so many bought assets.

    Asset 0 covers 15.8 km² and has a panchromatic band, asset 1 has none, asset 2 cannot be processed, asset
    3 has two items, the others one each of 5 to 24 km².
    """
    found = []
    for number in range(count):
        for part in range(2 if number == 3 else 1):
            name = f"up42:{seed}:{account}:{number}:{part}"
            identity = uuid.uuid5(uuid.NAMESPACE_URL, f"asset:{seed}:{account}:{number}")
            moment = _FIRST + timedelta(days=number, seconds=part)
            keys = ("multispectral", *(() if number == 1 else ("panchromatic",)), "metadata")
            item = StoredItem(
                id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"item:{name}")),
                collection=str(uuid.uuid5(uuid.NAMESPACE_URL, f"collection:{identity}")),
                account=account,
                moment=moment,
                area=15.8 if number == 0 else 5.0 + number % 20,
                own={
                    "up42-system:asset_id": str(identity),
                    "up42-system:account_id": account,
                    "up42-system:workspace_id": workspace,
                    "up42-system:source": "ARCHIVE",
                    "up42-product:collection_name": "legacy" if number == 2 else "phr",
                    "up42-user:title": f"Scene {number}",
                    "up42-user:tags": [],
                },
                files={key: _file(account, name, key, 40_000 + number, moment) for key in keys},
                api_prefix=api_prefix,
                checksums=checksums,
                processable=number != 2,
            )
            found.append(item)
    return found


def result_item(job: Job, *, size: int, area: float, api_prefix: str, checksums: bool) -> StoredItem:
    """Return the item that a job makes, in a collection of its own."""
    name = f"result:{job.id}"
    return StoredItem(
        id=str(uuid.uuid5(uuid.NAMESPACE_URL, f"item:{name}")),
        collection=str(uuid.uuid5(uuid.NAMESPACE_URL, f"collection:{name}")),
        account=job.account,
        moment=job.created,
        area=area,
        own={
            "up42-system:asset_id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"asset:{name}")),
            "up42-system:job_id": job.id,
            "up42-system:account_id": job.account,
            "up42-system:workspace_id": job.workspace,
            "up42-system:source": "PROCESSING",
            "up42-user:title": job.title,
            "up42-user:tags": [],
        },
        files={
            "data": _file(job.account, name, "data", size, job.created),
            "metadata": _file(job.account, name, "metadata", 2000, job.created),
        },
        api_prefix=api_prefix,
        checksums=checksums,
    )
