"""The real records beside the checkout, and tiles made as the server makes them."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

FOLDER = Path(__file__).parents[4] / "shared/data/geo_engine"
needs_records = pytest.mark.skipif(not FOLDER.exists(), reason="the real records are not beside the checkout")


def record(name: str) -> Any:
    return json.loads((FOLDER / name).read_text())


def tile_bytes(
    values: np.ndarray,
    valid: np.ndarray | None = None,
    *,
    x: float = 0.0,
    y: float = 0.0,
    size: float = 1.0,
    start: int = 0,
    end: int = 1000,
    band: int = 0,
) -> bytes:
    """A tile as the server sends it."""
    mask = None if valid is None else ~valid.reshape(-1)
    array = pa.array(values.reshape(-1), mask=mask)
    transform = {"originCoordinate": {"x": x, "y": y}, "xPixelSize": size, "yPixelSize": -size}
    metadata = {
        "geoTransform": json.dumps(transform),
        "xSize": str(values.shape[1]),
        "ySize": str(values.shape[0]),
        "time": json.dumps({"start": start, "end": end}),
        "spatialReference": "EPSG:4326",
        "band": str(band),
    }
    schema = pa.schema([pa.field("data", array.type)], metadata)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_file(sink, schema) as writer:
        writer.write_batch(pa.record_batch([array], schema=schema))
    return sink.getvalue().to_pybytes()


def raster_document(
    *, columns: int = 40, rows: int = 30, bands: int = 1, kind: str = "U8", step: dict[str, Any] | None = None
) -> dict[str, Any]:
    """Metadata of a raster with pixels of 1 degree from (-20, 15)."""
    dimension = {"type": "irregular"} if step is None else {"type": "regular", "origin": 0, "step": step}
    corners = {
        "topLeftIdx": {"xIdx": 0, "yIdx": 0},
        "bottomRightIdx": {"xIdx": columns - 1, "yIdx": rows - 1},
    }
    transform = {"originCoordinate": {"x": -20.0, "y": 15.0}, "xPixelSize": 1.0, "yPixelSize": -1.0}
    return {
        "type": "raster",
        "dataType": kind,
        "spatialReference": "EPSG:4326",
        "bands": [{"name": f"B{n}", "measurement": {"type": "unitless"}} for n in range(bands)],
        "spatialGrid": {
            "descriptor": "source",
            "spatialGrid": {"geoTransform": transform, "gridBounds": corners},
        },
        "time": {"bounds": None, "dimension": dimension},
    }
