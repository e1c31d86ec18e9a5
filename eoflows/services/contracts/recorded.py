"""What our parsers read in the answers to the smallest real questions, service by service.

A field that a parser does without has a `?`. Where a parser stands for whatever type there is, the contract
names the types that it makes sense of. Tests compare each with the parsers: a field whose absence makes one
fail is here, and a changed one is named.
"""

from collections.abc import Mapping, Sequence

from eoflows.services.contracts.contract import Contract

__all__ = ["CONTRACTS"]

_LINKS = {
    "links?": "array|null",
    "links?[].href?": "string|null",
    "links?[].rel?": "string|null",
    "links?[].method?": "string",
}

_STAC = (
    Contract(
        "GET",
        r"/",
        {
            "links": "array",
            "links[].rel": "string",
            "links[].href": "string",
            "links[].method?": "string",
        },
    ),
    Contract(
        "POST",
        r"/search",
        {
            "features": "array",
            "features[].id": "string",
            "features[].collection?": "string|null",
            "features[].geometry?": "object|null",
            "features[].bbox?": "array|null",
            "features[].properties": "object",
            "features[].properties.datetime?": "time|null",
            "features[].properties.start_datetime?": "time|null",
            "features[].properties.end_datetime?": "time|null",
            "features[].properties.created?": "time|null",
            "features[].properties.published?": "time|null",
            "features[].properties.product:type?": "string|null",
            "features[].properties.platform?": "string|null",
            "features[].assets": "object",
            "features[].assets.*.href": "string",
            "features[].assets.*.alternate?.*.href": "string",
            "features[].assets.*.file:size?": "integer|string|null",
            "features[].assets.*.file:checksum?": "string|null",
            "features[].links?": "array|null",
            "numberMatched?": "integer|null",
            **_LINKS,
        },
    ),
)

_PROCESS = {
    "id": "string",
    "version?": "string|null",
    "title?": "string|null",
    "description?": "string|null",
    "jobControlOptions?": "array|null",
    "jobControlOptions?[]": "string",
    "outputTransmission?": "array|null",
}

_OGC = (
    Contract("GET", r"/conformance", {"conformsTo": "array", "conformsTo[]": "string"}),
    Contract(
        "GET",
        r"/processes",
        {
            "processes": "array",
            **{f"processes[].{name}": words for name, words in _PROCESS.items()},
            **_LINKS,
        },
    ),
    Contract(
        "GET",
        r"/processes/[^/]+",
        {
            **_PROCESS,
            "inputs?": "object|null",
            "inputs?.*.schema?": "object|boolean|string|null",
            "inputs?.*.minOccurs?": "integer|null",
            "inputs?.*.maxOccurs?": "integer|string|null",
            "outputs?": "object|null",
            "outputs?.*.schema?": "object|boolean|string|null",
            **_LINKS,
        },
    ),
)

_UP42 = (
    Contract(
        "GET",
        r"/processes",
        {"processes": "array", "processes[].id": "string", "processes[].title?": "string|null", **_LINKS},
    ),
    Contract(
        "GET",
        r"/processes/[^/]+",
        {
            "id": "string",
            "additionalParameters?.parameters[].name": "string",
            "additionalParameters?.parameters[].value": "array",
        },
    ),
    Contract("GET", r"/eulas/[^/]+", {"isAccepted": "boolean"}),
    Contract(
        "POST",
        r"/cost",
        {
            "pricingStrategy?": "string|null",
            "totalCredits": "number",
            "totalSize?": "number|null",
            "unit?": "string|null",
        },
    ),
    Contract("POST", r"/validation", {"schema-error": "string"}, status=400),
    Contract(
        "POST",
        r"/validation",
        {"errors": "array", "errors[].name": "string", "errors[].message": "string"},
        status=422,
    ),
)

_EARTH_ENGINE = (
    Contract("GET", r"/algorithms", {"algorithms": "array", "algorithms[].name": "string"}),
    Contract(
        "POST",
        r"/value:compute",
        {
            "result": "array",
            "result[].index": "string",
            "result[].time_start": "number",
            "result[].properties": "object",
        },
    ),
    Contract(
        "GET",
        r"/operations",
        {
            "operations?": "array",
            "operations?[].name": "string",
            "operations?[].done?": "boolean",
            "operations?[].metadata?": "object",
            "operations?[].metadata?.state?": "string",
            "operations?[].metadata?.description?": "string",
            "operations?[].metadata?.createTime?": "time",
            "nextPageToken?": "string",
        },
    ),
    Contract(
        "GET",
        r"/storage/v1/b/[^/]+/o",
        {
            "items?": "array",
            "items?[].name": "string",
            "items?[].size": "string",
            "items?[].generation": "string",
            "items?[].crc32c?": "string",
            "nextPageToken?": "string",
        },
    ),
)

_METADATA = r"/(workflow|processingGraphs)/[^/]+/metadata"
_GRID = "spatialGrid?.spatialGrid"
_TRANSFORM = ("originCoordinate.x", "originCoordinate.y", "xPixelSize", "yPixelSize")
_BOUNDS = tuple(
    f"{corner}.{index}" for corner in ("topLeftIdx", "bottomRightIdx") for index in ("xIdx", "yIdx")
)

_GEO_ENGINE = (
    Contract("POST", r"/(login|anonymous)", {"id": "string", "created?": "time", "validUntil?": "time"}),
    Contract("GET", r"/info", {"version?": "string"}),
    Contract("POST", r"/(workflow|processingGraphs)", {"id": "string"}),
    Contract(
        "GET",
        _METADATA,
        {
            "type": "string",
            "spatialReference?": "string",
            "dataType": "string",
            "bands": "array",
            "bands[].name": "string",
            "bands[].measurement?.type?": "string",
            "bands[].measurement?.unit?": "string|null",
            "resolution?": "object|null",
            "resolution?.x": "number",
            "resolution?.y": "number",
            **{f"{_GRID}.geoTransform.{name}": "number" for name in _TRANSFORM},
            **{f"{_GRID}.gridBounds.{name}": "integer" for name in _BOUNDS},
            "time?": "object|null",
            "time?.bounds?": "object|null",
            "time?.bounds?.start": "integer|string",
            "time?.bounds?.end": "integer|string",
            "time?.dimension?": "object|null",
            "time?.dimension?.type?": "string",
            "time?.dimension?.step?": "object|null",
            "time?.dimension?.step?.granularity": "string",
            "time?.dimension?.step?.step": "integer",
        },
        when={"type": "raster"},
    ),
    Contract(
        "GET",
        _METADATA,
        {
            "type": "string",
            "spatialReference?": "string",
            "dataType": "string",
            "columns?": "object",
            "columns?.*.dataType": "string",
            "time?": "object|null",
        },
        when={"type": "vector"},
    ),
    Contract("GET", _METADATA, {"type": "string", "spatialReference?": "string"}),
)

CONTRACTS: Mapping[str, Sequence[Contract]] = {
    "stac": _STAC,
    "ogc-processes": _OGC,
    "up42": (*_UP42, *_STAC),
    "earth-engine": _EARTH_ENGINE,
    "geo-engine": _GEO_ENGINE,
}
"""By the name of the service's column."""
