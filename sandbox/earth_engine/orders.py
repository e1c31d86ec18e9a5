"""What is wrong with an export's order before anything is computed."""

import re
from collections.abc import Mapping
from typing import Any

from eoflows.sandbox.earth_engine.errors import refusal

__all__ = ["check_order"]

_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,60}")
_DESCRIPTION = re.compile(r"[A-Za-z0-9_.,:;-]{1,100}")
_WORKLOAD_TAG = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?")


def check_order(order: Mapping[str, Any]) -> None:
    """Look at the fields of an export request.

    Raises:
        Refusal: 400, one is missing or not allowed; 501, the sandbox does not make such files.
    """
    request_id = order.get("requestId")
    if request_id and not _REQUEST_ID.fullmatch(str(request_id)):
        raise refusal(400, f"Invalid request id {request_id!r}: at most 60 of a-z, A-Z, 0-9 and '-'.")
    description = order.get("description", "")
    if description and not _DESCRIPTION.fullmatch(str(description)):
        raise refusal(400, f"Invalid description {description!r}: at most 100 letters, digits, '-' and '_'.")
    tag = order.get("workloadTag")
    if tag and not _WORKLOAD_TAG.fullmatch(str(tag)):
        raise refusal(400, f"Invalid workload tag {tag!r}.")
    priority = order.get("priority", {}).get("value", 100)
    if not 0 <= int(priority) <= 9999:
        raise refusal(400, f"Invalid priority {priority}: 0 to 9999.")
    if "expression" not in order:
        raise refusal(400, "An expression is required.")
    _check_files(order.get("fileExportOptions", {}))


def _check_files(options: Mapping[str, Any]) -> None:
    if options.get("fileFormat", "GEO_TIFF") != "GEO_TIFF":
        raise refusal(501, f"the sandbox writes GEO_TIFF, not {options['fileFormat']}")
    where = options.get("cloudStorageDestination")
    if where is None and "driveDestination" not in options:
        raise refusal(400, "A destination is required: cloudStorageDestination or driveDestination.")
    if where is not None and not (where.get("bucket") and where.get("filenamePrefix")):
        raise refusal(400, "A bucket and a filenamePrefix are required.")
    how = options.get("geoTiffOptions", {})
    shard, edges = int(how.get("tileSize", {}).get("value", 256)), how.get("tileDimensions", {})
    for edge in (edges.get("width"), edges.get("height")):
        if edge is not None and int(edge) % shard:
            raise refusal(
                400, f"File dimensions must be a multiple of the shard size: {edge} is none of {shard}."
            )
