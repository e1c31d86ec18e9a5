import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.base.errors import InvalidInputError
from eoflows.services.geo_engine.nulls import default_fill, expand_validity, fill_of, place

DTYPES = ["u1", "u2", "u4", "u8", "i1", "i2", "i4", "i8", "f4", "f8"]


@given(
    dtype=st.sampled_from(DTYPES),
    rows=st.integers(1, 20),
    columns=st.integers(1, 20),
    offset=st.integers(0, 17),
    seed=st.integers(0, 1000),
)
def test_values_where_there_are_some_and_fill_elsewhere(dtype, rows, columns, offset, seed):
    random = np.random.default_rng(seed)
    values = random.integers(0, 100, (rows, columns)).astype(dtype)
    valid = random.random(offset + values.size) > 0.4
    bitmap = np.packbits(valid, bitorder="little")
    valid = valid[offset:].reshape(values.shape)
    whole = np.zeros((rows + 3, columns + 5), dtype)
    target = whole[1 : rows + 1, 2 : columns + 2]
    fill = default_fill(values.dtype)
    place(values, bitmap, target, fill, offset=offset)
    np.testing.assert_array_equal(target, np.where(valid, values, fill))
    np.testing.assert_array_equal(expand_validity(bitmap, offset, values.size).reshape(values.shape), valid)
    assert whole.sum(where=~np.isnan(whole)) == target.sum(where=~np.isnan(target))


def test_large_integers_stay_exact():
    values = np.array([[2**53 + 1, -(2**62) - 1]])
    target = np.empty_like(values)
    place(values, np.array([0b01], np.uint8), target, np.int64(-9))
    assert target.tolist() == [[2**53 + 1, -9]]


def test_the_value_for_missing_pixels():
    assert np.isnan(default_fill(np.dtype("f4")))
    assert default_fill(np.dtype("u2")) == 65535
    assert default_fill(np.dtype("i2")) == -32768
    assert fill_of(np.dtype("u1"), 7).dtype == np.uint8
    for wrong in (256, -1, 0.5):
        with pytest.raises(InvalidInputError, match="0 to 255"):
            fill_of(np.dtype("u1"), wrong)


@given(st.sampled_from(DTYPES), st.integers(-(2**65), 2**65) | st.floats())
def test_a_value_for_missing_pixels_is_exact_or_refused(dtype, asked):
    try:
        found = fill_of(np.dtype(dtype), asked)
    except InvalidInputError:
        assert np.dtype(dtype).kind != "f" or abs(asked) > float(np.finfo(dtype).max)
        return
    assert found.dtype == dtype
    if found.dtype.kind == "f":
        assert np.isfinite(found) == math.isfinite(asked)
        assert float(found) == pytest.approx(asked, rel=1e-6, abs=1e-40, nan_ok=True)
    else:
        assert int(found) == asked
        assert isinstance(asked, int) or abs(asked) <= 2**53
