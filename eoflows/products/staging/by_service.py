"""RS-Server's staging service: one process, which copies the assets of items into its catalogue's storage."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from eoflows.jobs.ledger import JobRecord
from eoflows.jobs.models import Phase
from eoflows.services.ogc_processes.request import OgcRequest
from eoflows.stores.stac.items import ItemDict

__all__ = ["PROCESS", "StationJob", "by_station", "item_ids", "job_document", "staging_requests"]

PROCESS = "staging"
_MOST = 100
"""Items of one job: the service asks its catalogue for all of them in one URL."""


def by_station(items: Iterable[ItemDict], asset_names: Collection[str] | None) -> dict[str, list[ItemDict]]:
    """Sort items by the host of the first asset that is wanted; it is empty where that has no host.

    Args:
        items: With their assets.
        asset_names: Keys of the wanted assets; None takes all.
    """
    found: dict[str, list[ItemDict]] = {}
    for item in items:
        hrefs = (
            str(asset.get("href") or "")
            for name, asset in item["assets"].items()
            if asset_names is None or name in asset_names
        )
        found.setdefault(_host(next(hrefs, "")), []).append(item)
    return found


def _host(href: str) -> str:
    try:
        return urlsplit(href).hostname or ""
    except ValueError:
        return ""


def staging_requests(
    items: Sequence[ItemDict], collection: str, asset_names: Collection[str] | None
) -> list[OgcRequest]:
    """Give the executions that stage items of one station, 100 items each at the most.

    Args:
        items: With their assets.
        collection: Collection in the catalogue, without its owner.
        asset_names: Keys of the wanted assets; None takes all.
    """
    named = {} if asset_names is None else {"asset_names": sorted(asset_names)}
    ordered = sorted(items, key=lambda item: str(item["id"]))
    return [
        OgcRequest(
            process_id=PROCESS,
            inputs={
                "collection": collection,
                "items": {"value": {"type": "FeatureCollection", "features": ordered[start : start + _MOST]}},
                **named,
            },
        )
        for start in range(0, len(ordered), _MOST)
    ]


def item_ids(request: Mapping[str, Any], collection: str) -> frozenset[str]:
    """Give the ids of the items that an execution stages in a collection; none if it is another one's.

    Of one that names its items by an address, as only others make it, nobody knows them.
    """
    inputs = request.get("inputs", {})
    if request.get("process_id") != PROCESS or inputs.get("collection") != collection:
        return frozenset()
    features = inputs.get("items", {}).get("value", {}).get("features", ())
    return frozenset(str(item["id"]) for item in features)


@dataclass(frozen=True)
class StationJob:
    """A staging job, or why there is none.

    Attributes:
        station: Host of its items' assets.
        ids: Its items.
        record: Its row; None if nothing was written.
        error: Why there is no job, or nobody knows.
    """

    station: str
    ids: frozenset[str]
    record: JobRecord | None
    error: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether the service says so."""
        return self.record is not None and self.record.phase is Phase.SUCCEEDED

    @property
    def why(self) -> str:
        """What there is to say of it, for people."""
        if self.record is None or not self.record.remote_id:
            return self.error or (self.record.message if self.record else "")
        return f"staging job {self.record.remote_id} is {self.record.phase}: {self.record.message}"


def job_document(jobs: Sequence[StationJob]) -> dict[str, Any]:
    """Give the job of a station as the service writes it: of several, the one that fared worst.

    It always has `jobID`, `status` and `message`. What the service did not end is `failed` for whoever reads
    `status`; the ledger's own word is in `phase`.
    """
    worst = min(jobs, key=lambda one: one.succeeded)
    record = worst.record
    known = dict(record.document or {}) if record is not None else {}
    phase = Phase.REJECTED if record is None else record.phase
    status = known.get("status") if phase in (Phase.SUCCEEDED, Phase.CANCELLED) else "failed"
    return {
        **known,
        "jobID": record.remote_id if record is not None else None,
        "status": status or "failed",
        "message": worst.error or (record.message if record is not None else ""),
        "phase": str(phase),
    }
