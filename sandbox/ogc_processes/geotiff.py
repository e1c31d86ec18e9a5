"""GeoTIFF without libraries: what the sandbox's small rasters need, uncompressed and in one strip."""

import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass

__all__ = ["MEDIA_TYPE", "Raster", "read_geotiff", "sample_scene", "write_geotiff"]

MEDIA_TYPE = "image/tiff; application=geotiff"
_TYPES = {1: "B", 2: "s", 3: "H", 4: "I", 12: "d"}
_CODES = {(1, 8): "B", (1, 16): "H", (3, 32): "f"}
_WIDTH, _HEIGHT, _BITS, _COMPRESSION, _PHOTOMETRIC, _OFFSETS, _SAMPLES = 256, 257, 258, 259, 262, 273, 277
_ROWS, _COUNTS, _PLANES, _FORMAT, _SCALE, _TIE, _KEYS = 278, 279, 284, 339, 33550, 33922, 34735


@dataclass(frozen=True)
class Raster:
    """Bands of equal size on one grid, in EPSG:4326."""

    width: int
    height: int
    bands: tuple[Sequence[float], ...]
    """Row by row from the north-west corner."""
    west: float = 11.0
    """Longitude of the north-west corner, degrees."""
    north: float = 48.0
    """Latitude of the north-west corner, degrees."""
    pixel: float = 0.001
    """Edge of a pixel, degrees."""


def write_geotiff(raster: Raster, code: str = "f") -> bytes:
    """Return a little-endian TIFF, pixel-interleaved.

    Args:
        raster: What to write.
        code: Type of the pixels as in `array`: B, H or f.
    """
    count = len(raster.bands)
    pixels = array(code, [value for pixel in zip(*raster.bands, strict=True) for value in pixel]).tobytes()
    kind, bits = next(key for key, value in _CODES.items() if value == code)
    keys = (1, 1, 0, 2, 1024, 0, 1, 2, 2048, 0, 1, 4326)
    entries: list[tuple[int, int, Sequence[float]]] = [
        (_WIDTH, 4, (raster.width,)),
        (_HEIGHT, 4, (raster.height,)),
        (_BITS, 3, (bits,) * count),
        (_COMPRESSION, 3, (1,)),
        (_PHOTOMETRIC, 3, (1,)),
        (_OFFSETS, 4, (8,)),
        (_SAMPLES, 3, (count,)),
        (_ROWS, 4, (raster.height,)),
        (_COUNTS, 4, (len(pixels),)),
        (_PLANES, 3, (1,)),
        (_FORMAT, 3, (kind,) * count),
        (_SCALE, 12, (raster.pixel, raster.pixel, 0.0)),
        (_TIE, 12, (0.0, 0.0, 0.0, raster.west, raster.north, 0.0)),
        (_KEYS, 3, keys),
    ]
    pixels += bytes(-len(pixels) % 2)
    directory = 8 + len(pixels)
    return struct.pack("<2sHI", b"II", 42, directory) + pixels + _directory(entries, directory)


def _directory(entries: Sequence[tuple[int, int, Sequence[float]]], start: int) -> bytes:
    beyond = start + 2 + 12 * len(entries) + 4
    fields, values = struct.pack("<H", len(entries)), b""
    for tag, kind, numbers in entries:
        packed = struct.pack(f"<{len(numbers)}{_TYPES[kind]}", *numbers)
        if len(packed) > 4:
            packed, at = b"", len(values)
            values += struct.pack(f"<{len(numbers)}{_TYPES[kind]}", *numbers)
            packed = struct.pack("<I", beyond + at)
        fields += struct.pack("<HHI4s", tag, kind, len(numbers), packed)
    return fields + bytes(4) + values


def read_geotiff(data: bytes) -> Raster:
    """Read an uncompressed, little-endian, pixel-interleaved TIFF in EPSG:4326.

    Raises:
        ValueError: It is no such TIFF.
    """
    try:
        tags = _tags(data)
        width, height, count = (int(tags[tag][0]) for tag in (_WIDTH, _HEIGHT, _SAMPLES))
        if tags.get(_COMPRESSION, (1,))[0] != 1 or tags.get(_PLANES, (1,))[0] != 1:
            raise ValueError("the TIFF is compressed or band-sequential")
        code = _CODES[int(tags.get(_FORMAT, (1,))[0]), int(tags[_BITS][0])]
        strips = zip(tags[_OFFSETS], tags[_COUNTS], strict=True)
        pixels = array(code, b"".join(data[int(at) : int(at) + int(size)] for at, size in strips))
    except (KeyError, struct.error) as error:
        raise ValueError(f"no TIFF that can be read here: {error!r}") from error
    if len(pixels) != width * height * count:
        raise ValueError(f"the TIFF has {len(pixels)} values, {width} x {height} x {count} are promised")
    scale, tie = tags.get(_SCALE, (0.001,)), tags.get(_TIE, (0, 0, 0, 11.0, 48.0, 0))
    bands = tuple(pixels[band::count] for band in range(count))
    return Raster(width, height, bands, tie[3], tie[4], scale[0])


def _tags(data: bytes) -> dict[int, tuple[float, ...]]:
    mark, version, start = struct.unpack_from("<2sHI", data)
    if (mark, version) != (b"II", 42):
        raise ValueError("no little-endian TIFF")
    found = {}
    for index in range(struct.unpack_from("<H", data, start)[0]):
        at = start + 2 + 12 * index
        tag, kind, count = struct.unpack_from("<HHI", data, at)
        if kind not in _TYPES or kind == 2:
            continue
        form = f"<{count}{_TYPES[kind]}"
        place = at + 8 if struct.calcsize(form) <= 4 else struct.unpack_from("<I", data, at + 8)[0]
        found[tag] = struct.unpack_from(form, data, place)
    return found


def sample_scene(width: int = 16, height: int = 12) -> Raster:
    """Return red and near infrared, reflectance in 1/10000; the first pixel is empty (0)."""
    cells = [(x, y) for y in range(height) for x in range(width)]
    red = [0 if (x, y) == (0, 0) else 500 + 10 * x for x, y in cells]
    infrared = [0 if (x, y) == (0, 0) else 1000 + 200 * y + 5 * x for x, y in cells]
    return Raster(width, height, (red, infrared))
