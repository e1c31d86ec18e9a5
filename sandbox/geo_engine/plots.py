"""Plots: a histogram as Vega-Lite, statistics as plain JSON, a picture as PNG."""

import base64
import json
from typing import Any, Literal

import numpy as np

from eoflows.sandbox.geo_engine.features import select
from eoflows.sandbox.geo_engine.pictures import png
from eoflows.sandbox.geo_engine.queries import Query
from eoflows.sandbox.geo_engine.samples import first_step, over_box, shape_of
from eoflows.sandbox.geo_engine.sources import RasterSource
from eoflows.sandbox.geo_engine.workflows import Workflow

__all__ = ["plot"]

_BUCKETS = 20
_MOST_PIXELS = 1_000_000


def plot(
    workflow: Workflow,
    query: Query,
    resolution: tuple[float, float] | None,
    vega: Literal["vegaString", "vegaSpec"],
) -> dict[str, Any]:
    """Return the answer to a plot request.

    Args:
        workflow: One of the type Plot; its outermost operator decides: `Statistics` is plain JSON,
            `SandboxPicture` a PNG, anything else a histogram.
        query: Where and when.
        resolution: Pixel width and height; None: the source's own.
        vega: Whether the specification is a text (up to 0.9) or an object.
    """
    kind, values = workflow.operator["type"], _values(workflow, query, resolution)
    if kind == "Statistics":
        return {"outputFormat": "JsonPlain", "plotType": kind, "data": _statistics(values)}
    if kind == "SandboxPicture":
        level = np.round(255 * np.linspace(0, 1, 64)).astype(np.uint8)
        pixels = np.broadcast_to(level[None, :, None], (32, 64, 4)).copy()
        data = f"data:image/png;base64,{base64.b64encode(png(pixels)).decode()}"
        return {"outputFormat": "ImagePng", "plotType": kind, "data": data}
    spec = _histogram(values)
    document = json.dumps(spec) if vega == "vegaString" else spec
    return {"outputFormat": "JsonVega", "plotType": kind, "data": {vega: document, "metadata": None}}


def _values(workflow: Workflow, query: Query, resolution: tuple[float, float] | None) -> Any:
    source = workflow.source
    if not isinstance(source, RasterSource):
        name = next((n for n, c in source.columns.items() if c.data_type in ("int", "float")), None)
        found = [features.column(name) for features in select(source, query.box, query.time)] if name else []
        return np.array([one for column in found for one in column if one is not None], np.float64)
    rows, columns = shape_of(query.box, resolution or source.pixel_size)
    shrink = max(1.0, (rows * columns / _MOST_PIXELS) ** 0.5)
    shape = (max(1, round(rows / shrink)), max(1, round(columns / shrink)))
    step, _ = first_step(source, query.time)
    values, valid = over_box(source, step, 0, query.box, shape)
    kept = values[valid].astype(np.float64)
    return kept[~np.isnan(kept)]


def _statistics(values: Any) -> dict[str, Any]:
    if not len(values):
        return {"valueCount": 0, "validCount": 0, "min": None, "max": None, "mean": None, "stddev": None}
    return {
        "valueCount": len(values),
        "validCount": len(values),
        "min": float(values.min()),
        "max": float(values.max()),
        "mean": float(values.mean()),
        "stddev": float(values.std()),
    }


def _histogram(values: Any) -> dict[str, Any]:
    counts, edges = np.histogram(values, bins=_BUCKETS) if len(values) else (np.zeros(0, int), np.zeros(1))
    rows = [
        {"binStart": float(start), "binEnd": float(end), "Frequency": int(count)}
        for start, end, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    step = float(edges[1] - edges[0]) if len(edges) > 1 else 1.0
    return {
        "$schema": "https://vega.github.io/schema/vega-lite/v4.17.0.json",
        "data": {"values": rows},
        "mark": "bar",
        "encoding": {
            "x": {"field": "binStart", "bin": {"binned": True, "step": step}, "axis": {"title": ""}},
            "x2": {"field": "binEnd"},
            "y": {"field": "Frequency", "type": "quantitative"},
        },
    }
