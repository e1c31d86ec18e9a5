import json

import numpy as np
import pytest
import xarray as xr
from geo_records import FOLDER, needs_records, record, tile_bytes

from eoflows.base.errors import ContractError, TruncatedError
from eoflows.services.geo_engine import BoundingBox2D, RasterStreamProcessing
from eoflows.services.geo_engine.times import MAX_MS, MIN_MS

process = RasterStreamProcessing.process_bytes


@needs_records
@pytest.mark.parametrize("backwards", [False, True])
def test_the_recorded_tiles_in_any_order(backwards):
    expected = record("01_raster_stream_tiles/expected.json")
    files = [FOLDER / "01_raster_stream_tiles" / one["file"] for one in expected["tiles"]]
    tiles = [process(file.read_bytes()).to_xarray() for file in files]
    whole = RasterStreamProcessing.merge_tiles(tiles[::-1] if backwards else tiles)
    assert list(whole.shape) == expected["expected_shape"]
    assert list(whole.dims) == expected["expected_dims"]
    assert whole.dtype == np.uint8
    for step in whole.values:
        np.testing.assert_array_equal(step[0], expected["expected_values_each_time"])
    assert whole.time.values.astype(np.int64).tolist() == sorted(
        {one["time_ms"] for one in expected["tiles"]}
    )


@needs_records
def test_the_recorded_tile_with_nulls():
    expected = record("02_masked_tile_ndvi_u8.expected.json")
    tile = process((FOLDER / "02_masked_tile_ndvi_u8.arrow").read_bytes())
    assert tile.shape == (expected["ySize"], expected["xSize"])
    assert tile.to_numpy().mask.sum() == expected["null_count"]
    assert tile.to_numpy().reshape(-1).tolist() == expected["values"]
    assert tile.coords_x(pixel_center=True)[0] == expected["first_x_center"]
    assert tile.coords_y(pixel_center=True)[0] == expected["first_y_center"]
    array = tile.to_xarray()
    assert array.dtype == np.uint8
    assert array.attrs["nodata"] == 255
    assert (array.values == 255).sum() == expected["null_count"]


def test_a_tile_without_nulls_is_not_copied():
    message = tile_bytes(np.arange(12, dtype="i8").reshape(3, 4))
    tile = process(message)
    assert not tile.values().flags.owndata
    assert (tile.has_null_values, tile.validity(), tile.to_numpy_mask_array()) == (False, None, None)
    assert tile.to_numpy().tolist() == np.arange(12).reshape(3, 4).tolist()


def test_a_tile_of_nulls_only():
    values = np.arange(4, dtype="f4").reshape(2, 2)
    tile = process(tile_bytes(values, np.zeros((2, 2), bool)))
    assert tile.is_empty
    assert np.isnan(tile.to_xarray().values).all()
    assert tile.to_numpy().mask.all()
    assert tile.to_numpy_data_array(5).tolist() == [[5, 5], [5, 5]]


def test_nan_is_not_null_unless_asked():
    values = np.array([[1.0, np.nan], [3.0, 4.0]])
    tile = process(tile_bytes(values, np.array([[True, True], [False, True]])))
    assert tile.to_numpy_mask_array().tolist() == [[False, False], [True, False]]
    assert tile.to_numpy_mask_array(nan_is_null=True).tolist() == [[False, True], [True, False]]
    assert tile.to_numpy_masked_array(nan_is_null=True).mask.sum() == 2


def test_a_tile_can_be_cut():
    tile = process(tile_bytes(np.arange(16, dtype="u1").reshape(4, 4), x=10, y=20))
    part = tile.to_xarray(BoundingBox2D(11, 17, 13, 19))
    assert part.values.tolist() == [[5, 6], [9, 10]]
    assert part.x.values.tolist() == [11.5, 12.5]
    assert part.y.values.tolist() == [18.5, 17.5]
    assert part.spatial_ref.attrs["GeoTransform"] == "11.0 1.0 0.0 19.0 0.0 -1.0"
    assert tile.to_xarray(BoundingBox2D(100, 100, 101, 101)).shape == (0, 0)


def test_unbounded_times_survive():
    tile = process(tile_bytes(np.zeros((1, 1), "u1"), start=MIN_MS, end=MAX_MS))
    array = tile.to_xarray()
    assert array.time.values == np.datetime64(MIN_MS, "ms")
    assert array.time_end.values == np.datetime64(MAX_MS, "ms")


def test_a_hole_between_tiles_is_an_error():
    tiles = [process(tile_bytes(np.ones((2, 2)), x=x, y=y)).to_xarray() for x, y in ((0, 0), (2, 0), (0, -2))]
    with pytest.raises(TruncatedError, match="pixel row 2, column 2"):
        RasterStreamProcessing.merge_tiles(tiles)
    assert RasterStreamProcessing.merge_tiles([]) is None
    assert process(None) is None
    assert isinstance(tiles[0], xr.DataArray)


@pytest.mark.parametrize("keep", [0, 7, 100, 400])
def test_a_message_that_was_cut(keep):
    with pytest.raises(ContractError):
        process(tile_bytes(np.zeros((8, 8)))[:keep])


def test_a_tile_that_does_not_describe_itself():
    import pyarrow as pa

    array = pa.array([1, 2])
    for metadata in ({}, {"xSize": "2", "ySize": "1", "geoTransform": "[]", "time": json.dumps([])}):
        schema = pa.schema([pa.field("data", array.type)], metadata)
        sink = pa.BufferOutputStream()
        with pa.ipc.new_file(sink, schema) as writer:
            writer.write_batch(pa.record_batch([array], schema=schema))
        with pytest.raises(ContractError, match="describe"):
            process(sink.getvalue().to_pybytes())
