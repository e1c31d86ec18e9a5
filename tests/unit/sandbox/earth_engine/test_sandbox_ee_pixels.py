"""The truth of a pixel, computed by hand beside the module."""

import zlib
from datetime import UTC, datetime

import numpy as np
import pytest

from eoflows.sandbox.earth_engine.collections import COLLECTIONS
from eoflows.sandbox.earth_engine.pixels import Window, mosaic_pixels, scene_pixels
from eoflows.sandbox.earth_engine.scenes import Catalogue

MONTANA = (-117.0, 46.0, -115.5, 47.5)


def scenes(collection, end="2022-02-01"):
    start, stop = (datetime.fromisoformat(text).replace(tzinfo=UTC) for text in ("2022-01-01", end))
    return list(Catalogue(0, ()).scenes(collection, MONTANA, start, stop))


def by_hand(scene, band, column, row):
    about = scene.spec.band(band)
    base = f"0|{scene.spec.id}|{scene.day}|{scene.orbit}"
    number = (zlib.crc32(f"{base}|{band}".encode()) + 7919 * column + 104_729 * row) % 2**31
    if about.choices:
        value = about.choices[number % len(about.choices)]
    else:
        value = (about.low + number % about.span) / about.divisor
    reaches = (column // 16 + row // 16 + scene.row) % 2 == 0
    hole = (zlib.crc32(base.encode()) + 31 * column + 17 * row) % 29 == 0
    return value, reaches and not hole


@pytest.mark.parametrize(
    ("collection", "band"),
    [
        ("LANDSAT/LC09/C02/T1_L2", "SR_B4"),
        ("LANDSAT/LC09/C02/T1_L2", "QA_PIXEL"),
        ("COPERNICUS/S2_SR_HARMONIZED", "SCL"),
        ("NASA/HLS/HLSL30/v002", "B5"),
    ],
)
def test_the_formula(collection, band):
    scene = scenes(collection)[0]
    window = Window.of((30.0, 0.0, -2_565_585.0, 0.0, -30.0, 3_314_805.0), 40, 35)
    values, valid = scene_pixels(scene, band, window)
    assert (values.dtype, values.shape) == (scene.spec.band(band).dtype, (35, 40))
    # -2565585 / 30 = -85519.5 and -3314805 / 30 = -110493.5: the pixels' left and upper edges.
    expected = [[by_hand(scene, band, -85_520 + c, -110_494 + r) for c in range(40)] for r in range(35)]
    assert np.allclose(values, [[value for value, _ in row] for row in expected], rtol=1e-6)
    assert (valid == [[there for _, there in row] for row in expected]).all()
    assert 0.3 < valid.mean() < 0.7


def test_neighbours_continue_each_other():
    scene = scenes("LANDSAT/LC09/C02/T1_L2")[0]
    whole = Window.of((30.0, 0.0, -15.0, 0.0, -30.0, 45.0), 60, 50)
    part = Window.of((30.0, 0.0, -15.0 + 30 * 20, 0.0, -30.0, 45.0 - 30 * 10), 15, 12)
    values, valid = scene_pixels(scene, "SR_B2", whole)
    cut, there = scene_pixels(scene, "SR_B2", part)
    assert (values[10:22, 20:35] == cut).all()
    assert (valid[10:22, 20:35] == there).all()
    inside = whole.part(20, 10, 15, 12)
    assert (inside.columns == part.columns).all()
    assert (inside.rows == part.rows).all()


def test_scenes_of_one_pass_complete_each_other():
    found = scenes("LANDSAT/LC09/C02/T1_L2")
    one, other = next(
        (a, b) for a in found for b in found if a.acquisition == b.acquisition and a.row + 1 == b.row
    )
    window = Window.of((30.0, 0.0, 0.0, 0.0, -30.0, 0.0), 64, 64)
    (values, valid), (same, rest) = scene_pixels(one, "SR_B2", window), scene_pixels(other, "SR_B2", window)
    assert (values == same).all()
    assert not (valid & rest).any()
    over, covered = mosaic_pixels([one, other], "SR_B2", window)
    assert (over == values).all()
    assert 0.95 < covered.mean() < 1


def test_without_temperature():
    found = scenes("LANDSAT/LC09/C02/T1_L2", "2024-01-01")
    bare = next(one for one in found if one.properties["PROCESSING_LEVEL"] == "L2SR")
    window = Window.of((30.0, 0.0, 0.0, 0.0, -30.0, 0.0), 64, 64)
    assert not scene_pixels(bare, "ST_B10", window)[1].any()
    assert scene_pixels(bare, "SR_B2", window)[1].any()


def test_values_stay_within_their_types():
    window = Window.of((30.0, 0.0, 0.0, 0.0, -30.0, 0.0), 200, 200)
    for spec in COLLECTIONS.values():
        scene = next(Catalogue(0, ()).scenes(spec.id, MONTANA, datetime(2011, 1, 1, tzinfo=UTC)), None)
        scene = scene or next(Catalogue(0, ()).scenes(spec.id, MONTANA))
        for band in spec.bands:
            values, _ = scene_pixels(scene, band.name, window)
            largest = max(band.choices) if band.choices else (band.low + band.span - 1) / band.divisor
            assert values.max() <= largest * 1.000001
            assert values.min() >= 0
    blue = COLLECTIONS["LANDSAT/LC09/C02/T1_L2"].band("SR_B2")
    assert blue.low + blue.span > 2**15, "a cast to int16 is to be seen"
