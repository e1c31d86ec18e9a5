import itertools
import json
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.base.errors import InvalidInputError
from eoflows.services.earth_engine import Tile, TileGrid, TileIndexError, known_grids, load_grids

CASES = Path(__file__).parents[3].parent / "shared" / "data" / "earth_engine" / "tilegrid_cases.json"
CONUS = known_grids()["LANDSAT_ARD_CU"]

sizes = st.tuples(st.integers(1, 500), st.integers(1, 500))
resolutions = st.tuples(*[st.sampled_from([0.00025, 0.1, 1.5, 10.0, 30, 463.3127165275])] * 2)
corners = st.tuples(st.integers(-(10**7), 10**7), st.integers(-(10**7), 10**7)).map(
    lambda pair: (pair[0] / 4, pair[1] / 4)
)
grids = st.builds(lambda ul, res, size: TileGrid(ul, "EPSG:3857", res, size), corners, resolutions, sizes)
indices = st.tuples(st.integers(-50, 50), st.integers(-50, 50))


@pytest.mark.skipif(not CASES.exists(), reason="the shared records are not here")
def test_the_recorded_cases():
    cases = json.loads(CASES.read_text())
    assert len(CONUS) == cases["n_tiles"]
    for name, case in cases["tiles"].items():
        tile = CONUS[tuple(case["index"])]
        assert tile.name == name
        assert list(tile.bounds) == case["bounds"]
        assert list(tile.transform) == case["transform6"]
        assert f"{tile.width}x{tile.height}" == case["dimensions"]
    for case in cases["point_to_tile"]:
        assert list(CONUS.point_to_tile(tuple(case["xy"])).index) == case["index"]


@given(grids, indices)
def test_neighbours_share_their_edges_exactly(grid, index):
    row, column = index
    tile = grid[index]
    assert tile.bounds[2] == grid[row, column + 1].bounds[0]
    assert tile.bounds[1] == grid[row + 1, column].bounds[3]
    left = Fraction(str(grid.ul[0])) + column * grid.size[0] * Fraction(str(grid.res[0]))
    assert tile.bounds[0] == float(left)


@given(grids, indices)
def test_a_tile_is_as_wide_and_as_high_as_its_pixels(grid, index):
    tile = grid[index]
    x, y = tile.coords()
    assert (len(x), len(y)) == (tile.width, tile.height) == grid.size
    assert tile.bounds[0] < x[0] < tile.bounds[2]
    assert tile.bounds[1] < y[-1] < tile.bounds[3]
    a, _, c, _, e, f = tile.transform
    assert (a, e, c, f) == (grid.res[0], -grid.res[1], tile.bounds[0], tile.bounds[3])


@given(grids, indices)
def test_points_find_their_tile_again(grid, index):
    tile = grid[index]
    left, bottom, right, top = tile.bounds
    assert grid.point_to_tile(((left + right) / 2, (bottom + top) / 2)) == tile
    x, y = tile.coords()
    assert grid.point_to_tile((x[0], y[-1])) == tile


@given(grids, indices, st.integers(1, 3), st.integers(1, 3))
def test_bounds_find_the_tiles_that_they_are_made_of(grid, index, rows, columns):
    row, column = index
    first, last = grid[index], grid[row + rows - 1, column + columns - 1]
    x, y = (first.coords(), last.coords())
    found = grid.bounds_to_tiles((x[0][0], y[1][-1], y[0][-1] + grid.res[0] / 4, x[1][0] + grid.res[1] / 4))
    expected = [(row + r, column + c) for r in range(rows) for c in range(columns)]
    assert [tile.index for tile in found] == expected


@given(grids, indices)
def test_documents_come_back(grid, index):
    assert TileGrid.from_dict(json.loads(json.dumps(grid.to_dict()))).to_dict() == grid.to_dict()
    tile = grid[index]
    assert Tile.from_dict(json.loads(json.dumps(tile.to_dict()))).to_dict() == tile.to_dict()


def test_numbers_are_written_in_one_way():
    whole = TileGrid((0, 0), "EPSG:3857", (30, 30), (10, 10)).to_dict()
    assert json.dumps(whole) == json.dumps(
        TileGrid((0.0, 0.0), "EPSG:3857", (30.0, 30.0), (10, 10)).to_dict()
    )


def test_negative_indices_mean_what_they_say():
    grid = TileGrid((0.0, 0.0), "EPSG:3857", (10, 20), (100, 50), ((-2, 1), (-1, 1)))
    assert grid[-1, -1].bounds == (-1000.0, 0.0, 0.0, 1000.0)
    assert len(grid) == len(list(grid)) == 12
    assert next(iter(grid)).index == (-2, -1)
    for wrong in ((2, 0), (-3, 0), (0, -2), (0, 2)):
        assert wrong not in grid
        with pytest.raises(TileIndexError, match="has no tile"):
            grid[wrong]


@pytest.mark.parametrize("wrong", [3, (1,), (1.5, 2), ("1", 2), None])
def test_what_is_no_index_is_refused(wrong):
    with pytest.raises(IndexError):
        CONUS[wrong]


def test_a_grid_without_end_has_no_length():
    grid = TileGrid((0.0, 0.0), "EPSG:3857", (10, 20), (100, 50))
    with pytest.raises(InvalidInputError, match="has no end"):
        len(grid)
    assert grid.to_dict()["limits"] is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"res": (0, 30)},
        {"size": (0, 1)},
        {"limits": ((3, 2), (0, 1))},
        {"res": (float("nan"), 1)},
    ],
)
def test_impossible_grids_are_refused(wrong):
    with pytest.raises(InvalidInputError):
        TileGrid(**{"ul": (0.0, 0.0), "crs": "EPSG:3857", "res": (1, 1), "size": (1, 1)} | wrong)


def test_bounds_outside_give_nothing():
    assert CONUS.bounds_to_tiles((5e6, 5e6, 6e6, 6e6)) == []


def test_a_region_leaves_out_tiles_that_it_only_touches():
    left, bottom, right, top = CONUS[4, 3].bounds
    ring = [[left, bottom], [right, bottom], [right, top], [left, top], [left, bottom]]
    region = {"type": "Polygon", "coordinates": [ring]}
    assert [tile.index for tile in CONUS.roi_to_tiles(region)] == [(4, 3)]
    triangle = {"type": "Polygon", "coordinates": [[[-100, 40], [-98, 40], [-98, 41], [-100, 40]]]}
    assert [tile.name for tile in CONUS.roi_to_tiles(triangle, crs="EPSG:4326")] == [
        *("h015v008", "h014v009", "h015v009"),
    ]
    with pytest.raises(InvalidInputError, match="no area"):
        CONUS.roi_to_tiles({"type": "Point", "coordinates": [0, 0]})


def test_geojson_is_in_degrees_and_counter_clockwise():
    feature = CONUS[4, 3].geojson()
    (ring,) = feature["geometry"]["coordinates"]
    assert ring[0] == ring[-1]
    assert sum(a[0] * b[1] - b[0] * a[1] for a, b in itertools.pairwise(ring)) > 0
    assert all(-125 < x < -118 and 42 < y < 46 for x, y in ring)
    assert feature["properties"] == {"name": "h003v004", "vertical": 4, "horizontal": 3}
    assert len(CONUS.geojson(rfc7946=False)["features"]) == 726


def test_geojson_is_cut_at_the_antimeridian():
    grid = TileGrid((-100_000.0, 100_000.0), "+proj=laea +lat_0=0 +lon_0=180", (100, 100), (2000, 2000))
    geometry = grid[0, 0].geojson()["geometry"]
    assert geometry["type"] == "MultiPolygon"
    sides = sorted((min(x for x, _ in ring), max(x for x, _ in ring)) for (ring,) in geometry["coordinates"])
    assert sides[0][0] == pytest.approx(-180)
    assert sides[1][1] == pytest.approx(180)
    assert sides[0][1] == pytest.approx(-179.1, abs=0.01)


def test_the_grids_that_come_along():
    assert {name: len(grid) for name, grid in known_grids().items()} == {
        "LANDSAT_ARD_CU": 726,
        "LANDSAT_ARD_AK": 238,
        "LANDSAT_ARD_HI": 15,
        "GLOBAL_10_DEGREES": 648,
    }
    assert known_grids()["GLOBAL_10_DEGREES"][17, 35].bounds == (170.0, -90.0, 180.0, -80.0)
    assert all(grid[0, 0].wkt.startswith(("PROJCS", "GEOGCS")) for grid in known_grids().values())


def test_grids_are_read_from_yaml(tmp_path):
    path = tmp_path / "grids.yaml"
    path.write_text("mine: {ul: [0, 10], crs: 'EPSG:4326', res: [1, 1], size: [5, 10]}\n")
    assert load_grids(path)["mine"] == TileGrid((0.0, 10.0), "EPSG:4326", (1, 1), (5, 10))
    path.write_text("mine: {ul: [0], crs: x}\n")
    with pytest.raises(InvalidInputError, match="no tile grid"):
        load_grids(path)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        load_grids(tmp_path / "none.yaml")
