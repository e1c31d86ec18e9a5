import itertools
import math
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from geo_records import needs_records, raster_document, record
from hypothesis import given
from hypothesis import strategies as st

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.services.geo_engine import (
    BeyondGridWarning,
    PlotResultDescriptor,
    QueryRectangle,
    RasterQueryRectangle,
    TimeInterval,
    VectorResultDescriptor,
    plan_raster,
    read_descriptor,
)
from eoflows.services.geo_engine.descriptors import TimeDescriptor
from eoflows.services.geo_engine.grid import PixelGrid, Window
from eoflows.services.geo_engine.queries import BoundingBox2D
from eoflows.services.geo_engine.steps import RegularSteps

DAY = 86_400_000
KINDS = ("raster", "vector", "plot")


def planned(query, *, tile=(4, 4), **document):
    return plan_raster(read_descriptor(raster_document(**document)), query, tile_shape=tile)


@given(st.integers(-80, 80), st.integers(-80, 80), st.integers(1, 60), st.integers(1, 60))
def test_a_box_beyond_the_raster_is_said(left, bottom, width, height):
    """The raster has 40 by 30 pixels of 1 from (-20, 15)."""
    query = QueryRectangle((left, bottom, left + width, bottom + height), 0)
    columns = min(left + width, 20) - max(left, -20)
    rows = min(bottom + height, 15) - max(bottom, -15)
    if columns <= 0 or rows <= 0:
        with pytest.raises(InvalidInputError, match="beyond the raster"):
            planned(query)
    elif (columns, rows) != (width, height):
        with pytest.warns(BeyondGridWarning, match="have no data"):
            planned(query)
    else:
        assert planned(query).window.columns == width


@needs_records
def test_the_metadata_of_the_records():
    names = ("07_provenance.json", "08_plot_and_errors.json", "11_wfs_dataframe.json")
    answers = [one.get("json") for name in names for one in record(name)["exchanges"]]
    described = [one for one in answers if isinstance(one, dict) and one.get("type") in KINDS]
    found = [read_descriptor(one) for one in described]
    assert {type(one) for one in found} >= {PlotResultDescriptor, VectorResultDescriptor}
    raster = found[0]
    assert (raster.kind, raster.data_type.dtype, raster.bands[0].name) == ("raster", "uint8", "band")
    assert raster.spatial_grid.bounds == Window(0, 0, 21, 11)
    assert raster.time.bounds == TimeInterval(0, 100_000)


@pytest.mark.parametrize("broken", [{}, {"type": "cube"}, {"type": "raster"}, [], None])
def test_what_is_no_metadata(broken):
    with pytest.raises(ContractError):
        read_descriptor(broken)


def test_the_metadata_of_an_older_server():
    document = raster_document() | {"resolution": {"x": 0.5, "y": 0.25}, "time": {"start": 0, "end": DAY}}
    del document["spatialGrid"]
    query = RasterQueryRectangle((1, 1, 3, 2), "1970-01-01")
    plan = plan_raster(read_descriptor(document), query)
    assert plan.grid == PixelGrid(0, 0, 0.5, -0.25)
    other = RasterQueryRectangle((1, 1, 3, 2), "1970-01-01", resolution=0.1)
    assert plan_raster(read_descriptor(document), other).grid == PixelGrid(0, 0, 0.1, -0.1)


def test_tiles_are_counted_from_the_pixel_edge_nearest_to_zero():
    plan = planned(QueryRectangle((-19.5, 2.5, 4, 14), "1970-01-01"), bands=2)
    # Pixel row 15 and column 20 begin at (0, 0); tiles of 4 begin at rows 3, 7, 11 ... and columns 0, 4 ...
    assert plan.window == Window(1, 0, 13, 24)
    assert plan.covered == Window(-1, 0, 15, 24)
    assert plan.tiles_per_step == 4 * 6 * 2
    assert plan.least_tiles is None
    assert plan.estimated_bytes(clip=True) == 2 * 12 * 24
    assert plan.estimated_bytes(clip=False) == 2 * 16 * 24


def test_a_box_that_ends_at_a_tile_touches_no_further_one():
    plan = planned(QueryRectangle((-4, -4, 4 + 1e-9, 4), "1970-01-01"))
    assert (plan.tiles.rows, plan.tiles.columns) == (2, 2)
    assert plan.covered == plan.window


def test_the_first_tile_corrects_the_plan():
    plan = planned(QueryRectangle((-4, -4, 4, 4), "1970-01-01"), tile=(512, 512))
    assert plan.tiles_per_step == 4
    fitted = plan.fitted(Window(9, 14, 12, 17))
    assert (fitted.tile_shape, fitted.anchor) == ((3, 3), (0, 2))
    assert fitted.covered.common(plan.window) == plan.window
    assert (fitted.covered.top % 3, fitted.covered.left % 3) == (0, 2)


def test_regular_steps_are_counted():
    step = {"granularity": "days", "step": 2}
    query = QueryRectangle((0, 0, 1, 1), TimeInterval(DAY, 6 * DAY))
    plan = planned(query, step=step)
    assert list(plan.touched) == [0, 1, 2]
    assert plan.least_tiles == 3
    bounded = read_descriptor(raster_document(step=step))
    bounded = bounded.model_copy(
        update={"time": replace_bounds(bounded.time, TimeInterval(2 * DAY, 4 * DAY))}
    )
    plan = plan_raster(bounded, query)
    assert (list(plan.certain), list(plan.touched)) == ([1], [0, 1, 2])


def replace_bounds(time, bounds):
    return TimeDescriptor(bounds=bounds, origin=time.origin, step=time.step)


@pytest.mark.parametrize(("query", "words"), [
    (RasterQueryRectangle((0, 0, 1, 1), "1970-01-01", [1]), "bands"),
    (QueryRectangle((0, 0, 1, 1), "1970-01-01", "EPSG:32632"), "reproject"),
    (RasterQueryRectangle((0, 0, 1, 1), "1970-01-01", resolution=0.1), "Interpolation"),
])  # fmt: skip
def test_what_does_not_fit_the_workflow(query, words):
    with pytest.raises(InvalidInputError, match=words):
        planned(query)


@given(
    origin=st.tuples(st.floats(-500, 500), st.floats(-500, 500)),
    size=st.floats(0.001, 100),
    first=st.tuples(st.integers(-2000, 2000), st.integers(-2000, 2000)),
    shape=st.tuples(st.integers(1, 500), st.integers(1, 500)),
)
def test_the_edges_of_pixels_touch_just_these(origin, size, first, shape):
    grid = PixelGrid(*origin, size, -size)
    window = Window(*first, first[0] + shape[0], first[1] + shape[1])
    assert grid.window(grid.bounds(window)) == window
    assert grid.place(grid.moved(*first), *shape) == window
    middle = (window.top + window.bottom) // 2
    if window.top < middle:
        part = grid.rows_of(grid.bounds(window), window.top, middle)
        assert grid.window(part) == replace(window, bottom=middle)


def test_a_tile_beside_the_grid():
    with pytest.raises(ContractError, match="not on the grid"):
        PixelGrid(0, 0, 1, -1).place(PixelGrid(0.5, 0, 1, -1), 4, 4)
    with pytest.raises(ContractError, match="not on the grid"):
        PixelGrid(0, 0, 1, -1).place(PixelGrid(0, 0, 1.1, -1), 4, 4)


def test_coordinates_do_not_drift():
    grid, window = PixelGrid(-180, 90, 0.1, -0.1), Window(0, 0, 1800, 3600)
    assert all(x == -180 + (n + 0.5) * 0.1 for n, x in enumerate(grid.centres_x(window)))
    assert math.isclose(grid.centres_y(window)[-1], -89.95)
    assert grid.window(BoundingBox2D(5, 5, 5, 5)).rows == 1


@pytest.mark.parametrize(("granularity", "step"), [("months", 1), ("months", 5), ("years", 1), ("hours", 6)])
def test_calendar_steps(granularity, step):
    steps = RegularSteps(TimeDescriptor(origin=0, step={"granularity": granularity, "step": step}))
    starts = [steps.start(number) for number in range(-50, 5000, 7)]
    assert starts == sorted(starts)
    for number, start in zip(range(-50, 5000, 7), starts, strict=True):
        assert steps.number(start) == number
        assert steps.number(start - 1) == number - 1


def test_months_are_those_of_the_calendar():
    steps = RegularSteps(TimeDescriptor(origin=0, step={"granularity": "months", "step": 1}))
    for number, (year, month) in enumerate(itertools.product(range(1970, 2110), range(1, 13))):
        assert steps.start(number) == int(datetime(year, month, 1, tzinfo=UTC).timestamp() * 1000)
    assert steps.touched(TimeInterval(steps.start(3), steps.start(5))) == range(3, 5)
    assert steps.touched(TimeInterval(steps.start(3))) == range(3, 4)
