import math

from hypothesis import given
from hypothesis import strategies as st

from eoflows.sandbox.geo_engine.grid import Grid, Tiling, Window

SIZES = st.integers(1, 600)
EDGES = st.integers(-5000, 5000)


def box(top, left, bottom, right, grid):
    return (
        grid.x + left * grid.dx,
        grid.y + bottom * grid.dy,
        grid.x + right * grid.dx,
        grid.y + top * grid.dy,
    )


@given(EDGES, EDGES, SIZES, SIZES)
def test_a_box_along_pixel_edges_touches_what_is_inside(top, left, height, width):
    grid = Grid(0.0, 0.0, 2.0, -0.5)
    wanted = Window(top, left, top + height, left + width)
    assert grid.window(box(top, left, wanted.bottom, wanted.right, grid)) == wanted


def test_a_box_within_a_pixel_touches_it():
    grid = Grid(10.0, 10.0, 1.0, -1.0)
    assert grid.window((11.2, 8.3, 11.4, 8.4)) == Window(1, 1, 2, 2)
    assert grid.window((11.0, 8.0, 11.0, 8.0)) == Window(2, 1, 3, 2)


@given(EDGES, EDGES, SIZES, SIZES, st.integers(1, 512))
def test_tiles_cover_a_box_without_overlap_row_by_row(top, left, height, width, size):
    size = max(size, height // 4, width // 4, 1)
    tiling = Tiling(Grid(0.0, 0.0, 1.0, -1.0), size)
    tiles = list(tiling.tiles(box(top, left, top + height, left + width, tiling.grid)))
    assert all(tile.top % size == tile.left % size == 0 and tile.shape == (size, size) for tile in tiles)
    assert tiles == sorted(set(tiles), key=lambda tile: (tile.top, tile.left))
    rows = math.ceil((top + height) / size) - top // size
    columns = math.ceil((left + width) / size) - left // size
    assert len(tiles) == rows * columns


def test_tiles_are_counted_from_the_corner_nearest_to_zero():
    source = Grid(-179.95, 90.05, 0.1, -0.1)
    near = Tiling.of(source, 512, "nearest_zero")
    assert abs(near.grid.x) <= 0.05 + 1e-9
    assert abs(near.grid.y) <= 0.05 + 1e-9
    assert Tiling.of(source, 512, "source").grid == source


def test_the_documented_example():
    """The whole world at 0.1 degrees in tiles of 512: 8 columns and 4 rows, the first starts outside."""
    tiling = Tiling.of(Grid(-180.0, 90.0, 0.1, -0.1), 512, "nearest_zero")
    tiles = list(tiling.tiles((-180.0, -90.0, 180.0, 90.0)))
    assert len(tiles) == 8 * 4
    assert tiles[0] == Window(-1024, -2048, -512, -1536)
