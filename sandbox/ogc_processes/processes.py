"""The processes: echo, ndvi, slow, failing, inventory."""

import hashlib
import math
import zlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from eoflows.sandbox.ogc_processes.geotiff import MEDIA_TYPE, Raster, read_geotiff, write_geotiff
from eoflows.sandbox.ogc_processes.jobs import Output

__all__ = ["PROCESSES", "Process", "ProcessError", "Run", "echo_named"]


class ProcessError(Exception):
    """A process cannot do what was asked: the job fails with this message."""

    def __init__(self, message: str, http_status: int = 500) -> None:
        super().__init__(message)
        self.http_status = http_status
        """What asking for the results answers."""


@dataclass(frozen=True)
class Run:
    """What a process is given."""

    inputs: Mapping[str, Any]
    """Plain values: qualified ones unwrapped, references fetched (bytes unless JSON); lists where several are
    allowed."""
    formats: Mapping[str, str]
    """Output name to the media type asked for, where one was."""
    progress: Callable[[int, str], None]
    """Takes percent and a message."""
    pace: Callable[[float], Awaitable[None]]
    """Waits between two steps."""


@dataclass(frozen=True, kw_only=True)
class Process:
    """A process and its description."""

    id: str
    title: str
    description: str
    inputs: Mapping[str, Mapping[str, Any]]
    """Name to input description; `minOccurs` and `maxOccurs` default to 1."""
    outputs: Mapping[str, Mapping[str, Any]]
    """Name to output description."""
    run: Callable[[Run], Awaitable[Mapping[str, Output]]]
    keywords: tuple[str, ...] = field(default=("sandbox",))


def echo_named(name: str) -> Process:
    """Return a process that gives its inputs back."""
    return Process(
        id=name,
        title="Echo",
        description="Gives its inputs back.",
        inputs={
            "message": {"title": "A text", "schema": {"type": "string", "minLength": 1, "maxLength": 1000}},
            "number": _optional({"type": "number", "minimum": 0, "maximum": 100}),
            "colour": _optional({"type": "string", "enum": ["red", "green", "blue"], "default": "red"}),
            "values": {"minOccurs": 0, "maxOccurs": 3, "schema": {"type": "integer"}},
            "many": {"minOccurs": 0, "maxOccurs": "unbounded", "schema": {"type": "string"}},
            "document": _optional({"type": "object"}),
            "binary": _optional(
                {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/tiff"}
            ),
            "area": _optional({"allOf": [{"format": "ogc-bbox"}, _BBOX]}),
        },
        outputs={"echo": {"title": "All inputs", "schema": {"type": "object"}}},
        run=_echo,
    )


def _optional(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"minOccurs": 0, "schema": schema}


_BBOX = {
    "type": "object",
    "required": ["bbox"],
    "properties": {
        "bbox": {"type": "array", "items": {"type": "number"}, "minItems": 4, "maxItems": 4},
        "crs": {"type": "string"},
    },
}


async def _echo(run: Run) -> Mapping[str, Output]:
    return {"echo": Output({name: _shown(value) for name, value in run.inputs.items()})}


def _shown(value: Any) -> Any:
    return {"bytes": len(value)} if isinstance(value, bytes) else value


async def _ndvi(run: Run) -> Mapping[str, Output]:
    try:
        scene = _scene(run.inputs["scene"])
    except (ValueError, KeyError, TypeError) as error:
        raise ProcessError(f"the scene cannot be read: {error}", 400) from error
    values = [_index(red, infrared) for red, infrared in zip(*scene.bands, strict=True)]
    known = [value for value in values if not math.isnan(value)]
    if not known:
        raise ProcessError("the scene holds no pixel with data", 400)
    statistics = {
        "minimum": min(known),
        "maximum": max(known),
        "mean": sum(known) / len(known),
        "valid": len(known),
        "width": scene.width,
        "height": scene.height,
    }
    index = Raster(scene.width, scene.height, (values,), scene.west, scene.north, scene.pixel)
    return {"ndvi": _in_format(index, run.formats.get("ndvi", MEDIA_TYPE)), "statistics": Output(statistics)}


def _scene(value: Any) -> Raster:
    if isinstance(value, bytes):
        scene = read_geotiff(value)
    else:
        scene = Raster(value["width"], value["height"], (value["red"], value["nir"]))
    if len(scene.bands) != 2 or any(len(band) != scene.width * scene.height for band in scene.bands):
        sizes = [len(band) for band in scene.bands]
        raise ValueError(f"{scene.width} x {scene.height} pixels in 2 bands are promised, bands have {sizes}")
    return scene


def _index(red: float, infrared: float) -> float:
    total = red + infrared
    return (infrared - red) / total if total else float("nan")


def _in_format(index: Raster, media_type: str) -> Output:
    (values,) = index.bands
    if media_type == "application/json":
        cells = [None if math.isnan(value) else value for value in values]
        return Output({"width": index.width, "height": index.height, "ndvi": cells})
    if media_type == "image/png":
        return Output(_png(index), media_type)
    return Output(write_geotiff(index), MEDIA_TYPE)


def _png(index: Raster) -> bytes:
    """Write the index as grey levels: 0 no data, 1 to 255 from -1 to 1."""
    (values,) = index.bands
    grey = bytes(0 if math.isnan(value) else 1 + round((value + 1) * 127) for value in values)
    rows = b"".join(b"\0" + grey[start : start + index.width] for start in range(0, len(grey), index.width))
    size = index.width.to_bytes(4, "big") + index.height.to_bytes(4, "big")
    chunks = (b"IHDR", size + bytes([8, 0, 0, 0, 0])), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        len(data).to_bytes(4, "big") + name + data + zlib.crc32(name + data).to_bytes(4, "big")
        for name, data in chunks
    )


async def _slow(run: Run) -> Mapping[str, Output]:
    steps, seconds = run.inputs.get("steps", 5), run.inputs.get("seconds", 1.0)
    for step in range(steps):
        if step == run.inputs.get("fail_at"):
            raise ProcessError(f"Step {step} of {steps} failed, as ordered")
        await run.pace(seconds)
        run.progress(100 * (step + 1) // steps, f"Step {step + 1} of {steps}")
    return {"summary": Output({"steps": steps})}


async def _failing(run: Run) -> Mapping[str, Output]:
    await run.pace(0)
    raise ProcessError(
        run.inputs.get("message", "The process failed, as ordered"), run.inputs.get("status", 500)
    )


async def _inventory(run: Run) -> Mapping[str, Output]:
    try:
        rows = [_counted(item) for item in run.inputs["items"]]
    except (KeyError, TypeError, AttributeError) as error:
        raise ProcessError(f"an input is no STAC item: {error!r}", 400) from error
    await run.pace(run.inputs.get("seconds", 0.0))
    text = "\n".join(f"{asset['checksum']} {asset['bytes']}" for row in rows for asset in row["assets"])
    return {
        "inventory": Output(
            {
                "scene": run.inputs.get("scene", ""),
                "items": rows,
                "bytes": sum(asset["bytes"] for row in rows for asset in row["assets"]),
                "digest": hashlib.sha256(text.encode()).hexdigest(),
            }
        )
    }


def _counted(item: Any) -> dict[str, Any]:
    """Say what an item promises of its files; a checksum that it does not have makes no difference."""
    assets = [
        {"name": name, "bytes": asset["file:size"], "checksum": asset.get("file:checksum", "")}
        for name, asset in sorted(item["assets"].items())
    ]
    return {"id": item["id"], "type": item["properties"].get("product:type", ""), "assets": assets}


_SCENE = {
    "oneOf": [
        {"type": "string", "contentEncoding": "base64", "contentMediaType": MEDIA_TYPE},
        {
            "type": "object",
            "required": ["width", "height", "red", "nir"],
            "properties": {
                "width": {"type": "integer", "minimum": 1},
                "height": {"type": "integer", "minimum": 1},
                "red": {"type": "array", "items": {"type": "number"}},
                "nir": {"type": "array", "items": {"type": "number"}},
            },
        },
    ]
}
_INDEX = {
    "oneOf": [
        {"type": "string", "contentEncoding": "base64", "contentMediaType": MEDIA_TYPE},
        {"type": "string", "contentEncoding": "base64", "contentMediaType": "image/png"},
        {"type": "object"},
    ]
}

PROCESSES = (
    echo_named("echo"),
    Process(
        id="ndvi",
        title="Vegetation index",
        description="(NIR - red) / (NIR + red) of a raster of two bands, and its statistics.",
        inputs={"scene": {"title": "Red and near infrared", "schema": _SCENE}},
        outputs={
            "ndvi": {"title": "The index", "schema": _INDEX},
            "statistics": {"title": "Minimum, maximum, mean", "schema": {"type": "object"}},
        },
        run=_ndvi,
    ),
    Process(
        id="slow",
        title="Slow",
        description="Takes steps, and tells how far it is.",
        inputs={
            "steps": _optional({"type": "integer", "minimum": 1, "maximum": 1000, "default": 5}),
            "seconds": _optional({"type": "number", "minimum": 0, "maximum": 3600, "default": 1.0}),
            "fail_at": _optional({"type": "integer", "minimum": 0}),
        },
        outputs={"summary": {"title": "What was done", "schema": {"type": "object"}}},
        run=_slow,
    ),
    Process(
        id="failing",
        title="Failing",
        description="Starts, and fails with the message given.",
        inputs={
            "message": _optional({"type": "string"}),
            "status": _optional({"type": "integer", "minimum": 400, "maximum": 599, "default": 500}),
        },
        outputs={"nothing": {"title": "Never there", "schema": {"type": "object"}}},
        run=_failing,
    ),
    Process(
        id="inventory",
        title="Inventory",
        description="Lists the files of STAC items, with one digest over all their checksums.",
        inputs={
            "items": {
                "title": "STAC items, by value or by reference",
                "minOccurs": 1,
                "maxOccurs": "unbounded",
                "schema": {"type": "object", "required": ["id", "properties", "assets"]},
            },
            "scene": _optional({"type": "string"}),
            "seconds": _optional({"type": "number", "minimum": 0, "maximum": 3600, "default": 0}),
        },
        outputs={"inventory": {"title": "Items, files and their digest", "schema": {"type": "object"}}},
        run=_inventory,
    ),
)
"""All processes that every server offers."""
