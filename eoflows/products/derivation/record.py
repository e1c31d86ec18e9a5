"""The catalogue record of what a process made, with its lineage.

After the processing extension of STAC, 1.2.0: `processing:lineage`, `processing:software`,
`processing:datetime`, a `derived_from` link to each item that went in, and a `processing-execution` link to
the job, which is also the source of the record (`via`, RFC 8288).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from eoflows.base.times import format_utc
from eoflows.products.selection.scene import Scene
from eoflows.products.staging.provenance import Provenance, derived_from
from eoflows.stores.stac.items import FILE_EXTENSION, ItemDict
from eoflows.stores.transfer.checksums import ALGORITHMS, Checksum

__all__ = ["PROCESSING_EXTENSION", "Execution", "Origin", "derived_item"]

PROCESSING_EXTENSION = "https://stac-extensions.github.io/processing/v1.2.0/schema.json"


@dataclass(frozen=True)
class Origin:
    """An item that a product was made from.

    Attributes:
        name: What it was for, like `orbit`.
        item: Its id.
        href: Where it is, absolute or relative to another item of the catalogue.
    """

    name: str
    item: str
    href: str


@dataclass(frozen=True)
class Execution:
    """One run of a process.

    Attributes:
        process: Id of the process.
        server: Landing page of its server.
        job: Id of the job.
        finished: When it ended, aware UTC.
        software: Name to version of what had a part in it.
    """

    process: str
    server: str
    job: str
    finished: datetime
    software: Mapping[str, str]

    @property
    def url(self) -> str:
        """Where its status is."""
        return f"{self.server.rstrip('/')}/jobs/{self.job}"


def derived_item(
    item_id: str,
    scene: Scene,
    origins: Sequence[Origin],
    execution: Execution,
    outputs: Mapping[str, Mapping[str, Any]],
    *,
    like: ItemDict | None = None,
    run: str = "",
) -> ItemDict:
    """Build the record.

    Args:
        item_id: Its id.
        scene: What the process was run for; its times and satellite are the product's.
        origins: What it was made from.
        execution: What made it.
        outputs: By name: href, size, checksum and media type, as the ledger keeps them.
        like: The catalogued scene, whose footprint is the product's; None if it has none.
        run: Id of the run that publishes it.
    """
    footprint = {name: like[name] for name in ("geometry", "bbox") if like and like.get(name)}
    job = {"href": execution.url, "type": "application/json", "title": f"Job {execution.job}"}
    properties: dict[str, Any] = {
        "title": f"{execution.process} of {scene}",
        "datetime": None,
        "start_datetime": format_utc(scene.interval.start),
        "end_datetime": format_utc(scene.interval.end),
        "created": format_utc(execution.finished),
        "processing:datetime": format_utc(execution.finished),
        "processing:lineage": _lineage(execution, origins),
        "processing:software": dict(execution.software),
        **Provenance(run=run).properties,
    }
    if scene.platform:
        properties["platform"] = scene.platform
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": [PROCESSING_EXTENSION, FILE_EXTENSION],
        "id": item_id,
        "geometry": None,
        **footprint,
        "properties": properties,
        "links": [
            *({**derived_from(one.href), "title": one.name} for one in origins),
            {"rel": "processing-execution", **job},
            {"rel": "via", **job},
        ],
        "assets": {name: _asset(one) for name, one in outputs.items()},
    }


def _lineage(execution: Execution, origins: Sequence[Origin]) -> str:
    used = "; ".join(f"{one.name}: {one.item}" for one in origins)
    return f"Process {execution.process} at {execution.server}, job {execution.job}, of {used or 'values'}."


def _asset(output: Mapping[str, Any]) -> dict[str, Any]:
    asset: dict[str, Any] = {"href": output["href"], "roles": ["data"], "file:size": output["size"]}
    algorithm, _, digest = str(output.get("checksum") or "").partition(":")
    if digest and ALGORITHMS[algorithm].code is not None:
        asset["file:checksum"] = Checksum(algorithm, bytes.fromhex(digest)).multihash()
    if output.get("media_type"):
        asset["type"] = output["media_type"]
    return asset
