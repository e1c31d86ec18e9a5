"""Small pictures of stored rasters."""

import io

import numpy as np
import pytest
import zarr
from PIL import Image

from eoflows.services.geo_engine.previews import picture_of, small_png, zarr_sample


def stored(values: np.ndarray, chunk: int, **attributes: int) -> zarr.storage.MemoryStore:
    store = zarr.storage.MemoryStore()
    array = zarr.create_group(store).create_array(
        "data", shape=values.shape, dtype=values.dtype, chunks=(1, 1, chunk, chunk), attributes=attributes
    )
    array[...] = values
    return store


def test_a_sample_is_every_nth_pixel():
    values = np.arange(600 * 300, dtype=np.uint32).reshape(1, 1, 600, 300)
    found, valid = zarr_sample(stored(values, 300))
    np.testing.assert_array_equal(found, values[0][:, ::3, ::3])
    assert valid.all()


def test_of_many_chunks_only_some_are_read():
    values = np.ones((1, 3, 132, 4), np.float32)
    values[:, :, 2:4] = 5  # the second row of chunks is left out
    found, _ = zarr_sample(stored(values, 2))
    assert found.shape == (3, 66, 2)
    assert not (found == 5).any()


def test_no_time_step_has_no_picture():
    assert zarr_sample(stored(np.empty((0, 1, 4, 4), np.uint8), 4)) is None


@pytest.mark.parametrize("bands", [1, 3])
def test_missing_pixels_are_transparent(bands):
    values = np.full((1, bands, 8, 8), 7, np.int16)
    values[0, 0, 0, 0] = -1
    picture = picture_of(zarr_sample(stored(values, 8, nodata=-1)))
    assert picture.mode == "RGBA"
    alpha = np.asarray(picture)[..., 3]
    assert alpha[0, 0] == 0
    assert alpha.sum() == 63 * 255


def test_nothing_but_nan_is_a_transparent_picture():
    picture = picture_of(zarr_sample(stored(np.full((1, 1, 8, 8), np.nan, np.float32), 8)))
    assert not np.asarray(picture)[..., 3].any()


def test_a_picture_is_made_smaller_until_it_fits():
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    content = small_png(Image.fromarray(noise), 20_000)
    assert len(content) <= 20_000
    assert Image.open(io.BytesIO(content)).width < 256
