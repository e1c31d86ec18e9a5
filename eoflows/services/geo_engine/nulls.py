"""Pixels without a value: how they are told, and how they are written into an array, fast."""

import math
import warnings
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eoflows.base.errors import InvalidInputError

__all__ = [
    "EXACT",
    "FillValueWarning",
    "Number",
    "default_fill",
    "expand_validity",
    "fill_of",
    "place",
    "warn_of_fill",
]


EXACT = 2**53
"""Whole numbers beyond this may have been rounded where they went through a float."""
Number = int | float
"""A value of a pixel: whole numbers of 64 bits must not become floats."""


class FillValueWarning(UserWarning):
    """The value chosen for missing pixels also occurs as a value: the two can no longer be told apart."""


def default_fill(dtype: np.dtype[Any]) -> Any:
    """NaN for floats, the highest value of unsigned and the lowest of signed integers."""
    if dtype.kind == "f":
        return dtype.type(np.nan)
    limits = np.iinfo(dtype)
    return dtype.type(limits.max if dtype.kind == "u" else limits.min)


def fill_of(dtype: np.dtype[Any], asked: Number | None) -> Any:
    """The value for missing pixels, as one of the array's type.

    Raises:
        InvalidInputError: The type cannot hold it, or it was rounded on the way here.
    """
    if asked is None:
        return default_fill(dtype)
    if dtype.kind == "f":
        with np.errstate(over="ignore"):
            found = dtype.type(asked)
        if np.isinf(found) and not math.isinf(asked):
            raise InvalidInputError(f"fill value {asked} is more than {dtype} holds")
        return found
    limits = np.iinfo(dtype)
    if not math.isfinite(asked) or asked != int(asked) or not limits.min <= asked <= limits.max:
        raise InvalidInputError(f"fill value {asked} is none of {dtype}, {limits.min} to {limits.max}")
    if isinstance(asked, float) and abs(asked) > EXACT:
        raise InvalidInputError(
            f"fill value {asked} was rounded: a float holds whole numbers up to {EXACT}; give a whole number"
        )
    return dtype.type(int(asked))


def expand_validity(bitmap: NDArray[np.uint8], offset: int, count: int) -> NDArray[np.bool_]:
    """One boolean per pixel from an Arrow validity bitmap; true where there is a value."""
    bits = np.unpackbits(bitmap[: (offset + count + 7) // 8], bitorder="little")
    return bits[offset : offset + count].view(np.bool_)


@cache
def _masks(bits: int) -> NDArray[Any]:
    """For each byte of a bitmap, eight words of all ones or all zeros."""
    unsigned = np.dtype(f"u{bits // 8}")
    table = np.unpackbits(np.arange(256, dtype=np.uint8)[:, None], axis=1, bitorder="little")
    masks: NDArray[Any] = np.negative(table.astype(unsigned))
    return masks


def place(
    values: NDArray[Any],
    validity: NDArray[np.uint8] | None,
    target: NDArray[Any],
    fill: Any,
    *,
    offset: int = 0,
) -> None:
    """Write values into a part of an array, and `fill` where there are none.

    Values and fill are chosen by bits: ten times as fast as by a boolean index, whatever the share of nulls.

    Args:
        values: All pixels of the tile, of shape (rows, columns), contiguous.
        validity: Arrow bitmap, or None if every pixel has a value.
        target: Where they belong, of the same shape and type; its rows must be contiguous.
        fill: Value of the array's type.
        offset: First bit of the bitmap.
    """
    if validity is None:
        target[...] = values
        return
    word = np.dtype(f"u{values.itemsize}")
    filler = np.asarray(fill, dtype=values.dtype).view(word)
    end = offset + values.size
    masks = np.take(_masks(word.itemsize * 8), validity[: (end + 7) // 8], axis=0).reshape(-1)
    chosen = np.bitwise_xor(values.view(word), filler)
    chosen &= masks[offset:end].reshape(values.shape)
    np.bitwise_xor(chosen, filler, out=target.view(word))


def warn_of_fill(fill: Any) -> None:
    """Say that a fill value is also a value."""
    warnings.warn(
        f"{fill} stands for missing pixels and also is the value of some; choose another fill_value, or "
        "nulls='mask'",
        FillValueWarning,
        stacklevel=2,
    )
