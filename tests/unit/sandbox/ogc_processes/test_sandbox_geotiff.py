import math
from array import array

import pytest
import rasterio
from hypothesis import given
from hypothesis import strategies as st

from eoflows.sandbox.ogc_processes.geotiff import Raster, read_geotiff, sample_scene, write_geotiff

SIDES = st.integers(1, 9)


@given(st.data(), SIDES, SIDES, st.integers(1, 4))
def test_what_is_written_is_read(data, width, height, count):
    cells = st.lists(st.integers(0, 65535), min_size=width * height, max_size=width * height)
    bands = tuple(array("H", data.draw(cells)) for _ in range(count))
    raster = Raster(width, height, bands, -10.5, 20.25, 0.125)
    assert read_geotiff(write_geotiff(raster, "H")) == raster


@given(st.binary(max_size=200), st.integers(0, 300))
def test_what_is_no_tiff_is_refused(data, cut):
    whole = write_geotiff(sample_scene(), "H")
    for text in (data, whole[: min(cut, len(whole) - 1)], b"II*\0" + data):
        with pytest.raises(ValueError, match=r".+"):
            read_geotiff(text)


@pytest.mark.parametrize("code", ["B", "H", "f"])
def test_gdal_reads_it(code):
    scene = Raster(3, 2, ((1, 2, 3, 4, 5, 6), (6, 5, 4, 3, 2, 1)), 11.0, 48.0, 0.5)
    with rasterio.MemoryFile(write_geotiff(scene, code)) as file, file.open() as found:
        assert found.crs.to_epsg() == 4326
        assert tuple(found.transform)[:6] == (0.5, 0.0, 11.0, 0.0, -0.5, 48.0)
        assert found.read().tolist() == [[[1, 2, 3], [4, 5, 6]], [[6, 5, 4], [3, 2, 1]]]


def test_nan_survives():
    data = write_geotiff(Raster(2, 1, ((math.nan, 0.5),)))
    (band,) = read_geotiff(data).bands
    assert math.isnan(band[0])
    assert band[1] == 0.5
