import pytest

from eoflows.base.errors import InvalidInputError
from eoflows.services.geo_engine import BoundingBox2D, QueryRectangle, RasterQueryRectangle, SpatialResolution


def test_a_query_takes_plain_values():
    query = QueryRectangle((-180, -90, 180, 90), ("2014-01-01", "2014-01-03"))
    assert query.bbox_str == "-180.0,-90.0,180.0,90.0"
    assert query.bbox_ogc_str == "-90.0,-180.0,90.0,180.0"
    assert query.srs == "EPSG:4326"
    bands = query.with_raster_bands([2, 0])
    assert bands.raster_bands == (2, 0)
    assert (bands.spatial_bounds, bands.time) == (query.spatial_bounds, query.time)


@pytest.mark.parametrize(
    ("srs", "text"),
    [("EPSG:4326", "2.0,1.0,4.0,3.0"), ("EPSG:32632", "1.0,2.0,3.0,4.0"), ("EPSG:3857", "1.0,2.0,3.0,4.0")],
)
def test_axes_follow_the_authority(srs, text):
    assert BoundingBox2D(1, 2, 3, 4).ogc_text(srs) == text


def test_resolutions_follow_the_axes():
    assert SpatialResolution(0.1, 0.2).ogc_pair("EPSG:4326") == (-0.2, 0.1)
    assert SpatialResolution(10, 20).ogc_pair("EPSG:32632") == (10, -20)
    assert str(SpatialResolution(0.1, 0.2)) == "0.1,0.2"


def test_one_band_and_the_first_band():
    assert RasterQueryRectangle((0, 0, 1, 1), "2014-01-01", 3).raster_bands == (3,)
    assert RasterQueryRectangle((0, 0, 1, 1), "2014-01-01", None).raster_bands == (0,)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: BoundingBox2D(1, 0, 0, 1),
        lambda: BoundingBox2D(0, 0, float("nan"), 1),
        lambda: SpatialResolution(0, 1),
        lambda: RasterQueryRectangle((0, 0, 1, 1), "2014-01-01", [1, 1]),
        lambda: RasterQueryRectangle((0, 0, 1, 1), "2014-01-01", []),
        lambda: RasterQueryRectangle((0, 0, 1, 1), "2014-01-01", [-1]),
        lambda: BoundingBox2D(0, 0, 1, 1).ogc_text("EPSG:nothing"),
    ],
)
def test_what_cannot_be_asked(wrong):
    with pytest.raises(InvalidInputError):
        wrong()
