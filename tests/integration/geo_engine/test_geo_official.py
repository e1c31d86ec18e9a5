"""The same streams by the official client: equal where it is right."""

import asyncio
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import Raster, opened
from test_geo_streams import BOX, DAYS

from eoflows.services.geo_engine import RasterQueryRectangle

sys.path.insert(0, str(Path(__file__).parents[1]))
from peers import peer_python

pytestmark = pytest.mark.anyio
CASES = {
    "floats": ({"dataType": "F32", "bands": 2}, False),
    "floats with nulls": ({"dataType": "F64", "nullShare": 0.2, "bands": 2}, False),
    "bytes": ({"dataType": "U8"}, False),
    "bytes with nulls": ({"dataType": "U8", "nullShare": 0.2}, False),
    "whole": ({"dataType": "I64"}, False),
}


@pytest.mark.filterwarnings("ignore::eoflows.services.geo_engine.FillValueWarning")
async def test_results_equal_those_of_the_official_client(engine, client, tmp_path):
    python = peer_python("geoengine-0.9.4", "geoengine==0.9.4")
    asked = {
        name: {
            "workflow": {
                "type": "Raster",
                "operator": {"type": "SandboxRaster", "params": Raster(**p).params},
            },
            "box": BOX,
            "time": [DAYS.start_ms, DAYS.end_ms],
            "bands": list(range(p.get("bands", 1))),
            "clip": clip,
        }
        for name, (p, clip) in CASES.items()
    }
    (tmp_path / "asked.json").write_text(json.dumps(asked))
    script = Path(__file__).with_name("official_results.py")
    command = [python, script, opened(engine).url, tmp_path / "asked.json", tmp_path / "found.npz"]
    process = await asyncio.create_subprocess_exec(*map(str, command))
    assert await process.wait() == 0
    theirs = np.load(tmp_path / "found.npz")
    for name, (params, clip) in CASES.items():
        query = RasterQueryRectangle(BOX, DAYS, range(params.get("bands", 1)))
        workflow = await Raster(**params).workflow(client)
        ours = await workflow.raster_stream_into_xarray(query, clip, nulls="mask")
        np.testing.assert_allclose(ours.x, theirs[f"{name}.x"], atol=1e-9)
        np.testing.assert_allclose(ours.y, theirs[f"{name}.y"], atol=1e-9)
        assert (ours.time.values == theirs[f"{name}.time"]).all()
        valid = ~ours.mask.values
        np.testing.assert_array_equal(ours.values[valid], theirs[f"{name}.values"][valid])
        if not valid.all():
            assert np.isnan(theirs[f"{name}.values"][~valid]).all()
