"""Functions that compute pixels band by band: arithmetic, types, masks."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from eoflows.sandbox.earth_engine.errors import GraphError
from eoflows.sandbox.earth_engine.images import Band, Image, Pixels, cast, constant
from eoflows.sandbox.earth_engine.pixels import Window
from eoflows.sandbox.earth_engine.values import Function

__all__ = ["BAND_FUNCTIONS"]

_CASTS = {
    "Uint8": "uint8",
    "Byte": "uint8",
    "Int8": "int8",
    "Uint16": "uint16",
    "Int16": "int16",
    "Short": "int16",
    "Uint32": "uint32",
    "Int32": "int32",
    "Int": "int32",
    "Float": "float32",
    "Double": "float64",
}
_BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": lambda left, right: np.divide(left, right, out=np.zeros_like(left), where=right != 0),
    "mod": np.fmod,
    "pow": np.power,
    "max": np.maximum,
    "min": np.minimum,
}
_TESTS: dict[str, Callable[[Any, Any], Any]] = {
    "lt": np.less,
    "lte": np.less_equal,
    "gt": np.greater,
    "gte": np.greater_equal,
    "eq": np.equal,
    "neq": np.not_equal,
    "and": np.logical_and,
    "or": np.logical_or,
}
_BITS: dict[str, Callable[[Any, Any], Any]] = {
    "bitwiseAnd": np.bitwise_and,
    "bitwiseOr": np.bitwise_or,
    "bitwiseXor": np.bitwise_xor,
    "leftShift": np.left_shift,
    "rightShift": np.right_shift,
}
_UNARY: dict[str, Callable[[Any], Any]] = {
    "abs": np.abs,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": lambda values: np.floor(values + 0.5),
    "sqrt": np.sqrt,
    "log": np.log,
    "exp": np.exp,
}
_WHOLE = ("uint8", "int8", "uint16", "int16", "uint32", "int32")


def _pairs(left: Image, right: Image) -> list[tuple[Band, Band]]:
    if len(right.bands) == 1:
        return [(band, right.bands[0]) for band in left.bands]
    if len(left.bands) == 1:
        return [(replace(left.bands[0], name=band.name), band) for band in right.bands]
    if len(left.bands) != len(right.bands):
        raise GraphError(
            "The images must have the same number of bands, or one of them a single band;"
            f" they have {len(left.bands)} and {len(right.bands)}."
        )
    return list(zip(left.bands, right.bands, strict=True))


def _binary(operation: Callable[[Any, Any], Any], kind: str) -> Function:
    """Return an operation of two images: `number` keeps integers, `test` gives 0 or 1, `bits` is exact."""

    def band_of(left: Band, right: Band) -> Band:
        whole = left.dtype in _WHOLE and right.dtype in _WHOLE
        dtype = {"test": "uint8", "bits": "int32", "divide": "float32" if whole else "float64"}.get(kind)
        if dtype is None:
            dtype = "int32" if whole else "float64"
        kind_of = np.int64 if kind == "bits" or (whole and kind == "number") else np.float64

        def pixels(window: Window) -> Pixels:
            (one, first), (other, second) = left.pixels(window), right.pixels(window)
            return operation(one.astype(kind_of), other.astype(kind_of)).astype(dtype), first & second

        return Band(left.name, dtype, pixels)

    def make(left: Image, right: Image) -> Image:
        bands = tuple(band_of(*pair) for pair in _pairs(left, right))
        return replace(_computed(left), bands=bands)

    return make


def _unary(operation: Callable[[Any], Any], dtype: str | None = None) -> Function:
    def band_of(band: Band) -> Band:
        kind = dtype or ("float64" if band.dtype not in _WHOLE else band.dtype)

        def pixels(window: Window) -> Pixels:
            values, valid = band.pixels(window)
            return operation(values.astype(np.float64)).astype(kind), valid

        return Band(band.name, kind, pixels)

    return lambda image: replace(_computed(image), bands=tuple(map(band_of, image.bands)))


def _computed(image: Image) -> Image:
    """Return an image that has forgotten what arithmetic makes untrue: all properties but its index."""
    index = image.properties.get("system:index")
    return replace(image, id=None, properties={} if index is None else {"system:index": index})


def _cast(dtype: str) -> Function:
    return lambda image: replace(image, id=None, bands=tuple(cast(band, dtype) for band in image.bands))


def _cast_bands(image: Image, types: dict[str, Any], order: Any) -> Image:
    names = {"float": "float32", "double": "float64", "short": "int16", "byte": "uint8", "int": "int32"}

    def one(band: Band) -> Band:
        asked = str(types.get(band.name, band.dtype))
        return cast(band, names.get(asked, asked))

    return replace(image, bands=tuple(map(one, image.bands)))


def _fits(value: float | None, dtype: str) -> bool:
    if value is None or dtype not in _WHOLE:
        return dtype not in _WHOLE
    span = np.iinfo(dtype)
    return float(value).is_integer() and span.min <= value <= span.max


def _unmask(image: Image, value: Image | None, same_footprint: Any) -> Image:
    """Fill what is masked. A constant that fits into a band's type leaves the type as it is."""

    def band_of(band: Band, fill: Band) -> Band:
        same = band.dtype == fill.dtype or _fits(fill.value, band.dtype)
        dtype = band.dtype if same else "int32" if {band.dtype, fill.dtype} <= set(_WHOLE) else "float64"

        def pixels(window: Window) -> Pixels:
            (values, valid), (other, there) = band.pixels(window), fill.pixels(window)
            return np.where(valid, values, other).astype(dtype), valid | there

        return Band(band.name, dtype, pixels)

    return replace(image, bands=tuple(band_of(*pair) for pair in _pairs(image, value or constant(0))))


def _masked(image: Image, mask: Image) -> Image:
    def band_of(band: Band, other: Band) -> Band:
        def pixels(window: Window) -> Pixels:
            (values, valid), (flags, there) = band.pixels(window), other.pixels(window)
            return values, valid & there & (flags != 0)

        return Band(band.name, band.dtype, pixels)

    return replace(image, bands=tuple(band_of(*pair) for pair in _pairs(image, mask)))


def _mask(image: Image, mask: Image | None) -> Image:
    if mask is not None:
        return _masked(image, mask)

    def band_of(band: Band) -> Band:
        def pixels(window: Window) -> Pixels:
            valid = band.pixels(window)[1]
            return valid.astype("uint8"), np.ones(window.shape, dtype=bool)

        return Band(band.name, "uint8", pixels)

    return replace(image, bands=tuple(map(band_of, image.bands)))


def _not(image: Image) -> Image:
    made: Image = _unary(lambda values: values == 0, "uint8")(image)
    return made


def _difference(image: Image, names: list[str] | None) -> Image:
    first, second = image.select(names) if names else image.bands[:2]

    def pixels(window: Window) -> Pixels:
        (one, valid), (other, there) = first.pixels(window), second.pixels(window)
        one, other = one.astype(float), other.astype(float)
        total = one + other
        return np.divide(one - other, total, out=np.zeros_like(one), where=total != 0), valid & there

    return Image((Band("nd", "float32", pixels),))


BAND_FUNCTIONS: dict[str, Function] = {
    **{
        f"Image.{name}": _binary(one, "divide" if name == "divide" else "number")
        for name, one in _BINARY.items()
    },
    **{f"Image.{name}": _binary(one, "test") for name, one in _TESTS.items()},
    **{f"Image.{name}": _binary(one, "bits") for name, one in _BITS.items()},
    **{f"Image.{name}": _unary(one) for name, one in _UNARY.items()},
    **{f"Image.to{name}": _cast(dtype) for name, dtype in _CASTS.items()},
    **{f"Image.{name[0].lower()}{name[1:]}": _cast(dtype) for name, dtype in _CASTS.items()},
    "Image.not": _not,
    "Image.cast": _cast_bands,
    "Image.clamp": lambda image, low, high: _unary(lambda values: np.clip(values, low, high))(image),
    "Image.normalizedDifference": _difference,
    "Image.unmask": _unmask,
    "Image.updateMask": _masked,
    "Image.mask": _mask,
    "Image.selfMask": lambda image: _masked(image, image),
}
"""By name; arguments in the order of the signatures."""
