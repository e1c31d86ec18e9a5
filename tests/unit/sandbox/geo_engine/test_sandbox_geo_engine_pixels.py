import numpy as np
import pytest

from eoflows.sandbox.geo_engine import RasterSource, RegularTime, VectorSource
from eoflows.sandbox.geo_engine.features import chunks, select
from eoflows.sandbox.geo_engine.pixels import pixel_values
from eoflows.sandbox.geo_engine.sources import DATA_TYPES

WORD = 2**32


def documented(row, column, step, band, seed):
    """The rule of the module's page, in plain integers."""
    key = (step * 0xC2B2AE3D + band * 0x27D4EB2F + seed * 0x165667B1) % WORD
    noise = (row * 0x9E3779B1 + ((column * 0x85EBCA77 % WORD) ^ key)) % WORD
    noise = (noise ^ (noise >> 15)) * 0x2C1B3C6D % WORD
    return noise ^ (noise >> 12)


@pytest.mark.parametrize("kind", DATA_TYPES)
def test_every_pixel_follows_the_documented_rule(kind):
    source = RasterSource(
        width=9, height=9, data_type=kind, null_share=0.3, seed=5, time=RegularTime(count=3)
    )
    values, valid = pixel_values(source, 2, 1, np.arange(-1, 10), np.arange(3, 12))
    assert values.dtype == DATA_TYPES[kind]
    for down, row in enumerate(range(-1, 10)):
        for right, column in enumerate(range(3, 12)):
            noise = documented(row, column, 2, 1, 5)
            inside = 0 <= row < 9 and column < 9
            assert valid[down, right] == (inside and noise >> 16 >= round(0.3 * 65536))
            assert values[down, right] == expected(kind, noise)


def expected(kind, noise):
    if kind == "F32":
        return (noise >> 8) / 2**24
    if kind == "F64":
        return noise / 2**32
    bits = int(kind[1:])
    value = (noise * (WORD + 1) if bits == 64 else noise) % 2**bits
    return value - 2**bits if kind[0] == "I" and value >= 2 ** (bits - 1) else value


def test_shares_of_nulls_and_of_nan():
    rows = np.arange(512)
    source = RasterSource(null_share=0.1, nan_share=0.05)
    values, valid = pixel_values(source, 0, 0, rows, rows)
    assert abs(1 - valid.mean() - 0.1) < 0.01
    assert abs(np.isnan(values).mean() - 0.05) < 0.01
    assert not pixel_values(RasterSource(null_share=1), 0, 0, rows, rows)[1].any()
    assert not pixel_values(source, 1, 0, rows, rows)[1].any()  # no data in the second step
    ints = RasterSource(data_type="U8", nan_share=1)
    assert pixel_values(ints, 0, 0, rows, rows)[1].all()


def test_steps_bands_and_seeds_differ():
    rows = np.arange(64)
    seen = {
        pixel_values(RasterSource(seed=seed, time=RegularTime(count=2)), step, band, rows, rows)[0].tobytes()
        for seed in (0, 1)
        for step in (0, 1)
        for band in (0, 1)
    }
    assert len(seen) == 8


def test_a_gradient():
    values, _ = pixel_values(RasterSource(pattern="gradient"), 0, 2, np.arange(2), np.arange(3))
    assert values.tolist() == [[62, 64, 66], [63, 65, 67]]


def test_features_are_in_the_box_and_in_order():
    source = VectorSource(count=70_000)
    (first, second) = select(source, (-180, -90, 180, 90), source.time)
    assert [*first.numbers, *second.numbers] == list(range(70_000))
    (part,) = select(VectorSource(count=1000), (0, 0, 90, 90), source.time)
    assert ((part.x >= 0) & (part.x <= 90) & (part.y >= 0)).all()
    assert 0.08 < len(part) / 1000 < 0.18
    assert list(select(source, (0, 0, 1, 1), (0, 1))) == []


def test_chunks_hold_all_features_once():
    source = VectorSource(count=5000)
    sizes = [len(one) for one in chunks(source, (-180, -90, 180, 90), source.time, 100_000)]
    assert sum(sizes) == 5000
    assert set(sizes[:-1]) == {100_000 // (64 + 16 * 3)}
