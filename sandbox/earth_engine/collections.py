"""The image collections of the synthetic catalogue, as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

__all__ = ["COLLECTIONS", "Band", "CollectionSpec", "Satellite"]


@dataclass(frozen=True)
class Band:
    """A band, and the values of its pixels: `(low + n % span) / divisor`, or `choices[n % len(choices)]`."""

    name: str
    dtype: str
    """Name of a numpy type."""
    low: int = 1
    span: int = 10_000
    divisor: int = 1
    choices: tuple[int, ...] = ()


@dataclass(frozen=True)
class Satellite:
    """A satellite, and the days on which it passes."""

    name: str
    mark: str
    """Begin of its scenes' names, or the letter of the unit."""
    first: date
    last: date | None
    """Last day of operation; None: it still flies."""
    offset: int
    """Days by which its cycle is later than that of its siblings."""


@dataclass(frozen=True)
class CollectionSpec:
    """A collection: grid of its scenes, its satellites, its bands."""

    id: str
    kind: str
    """`landsat`, `sentinel2`, `hls`: how scenes are named and described."""
    bands: tuple[Band, ...]
    satellites: tuple[Satellite, ...]
    cell: float
    """Edge of a scene's cell, degrees of longitude and latitude."""
    margin: float
    """How far a scene reaches beyond its cell, degrees."""
    cycle: int
    """Days between two passes of one satellite."""
    cells_per_pass: int
    """Cells side by side that are seen in one pass."""
    limit: float
    """Largest latitude, north or south, degrees."""
    resolution: float = 30.0
    """Edge of a pixel, metres."""

    def band(self, name: str) -> Band:
        """Return a band by name."""
        return next(band for band in self.bands if band.name == name)


# Clear, clear with snow, water, cloud, cloud shadow, cirrus with bit 15 set, dilated cloud.
_QA_PIXEL = (21824, 30048, 21952, 22280, 23888, 54596, 54852, 21826)


def _landsat_bands(reflective: tuple[int, ...], thermal: str, extra: tuple[Band, ...]) -> tuple[Band, ...]:
    return (
        *(Band(f"SR_B{number}", "uint16", 7273, 36_364) for number in reflective),
        *extra,
        Band(thermal, "uint16", 20_000, 30_000),
        *(Band(f"ST_{name}", "int16") for name in ("ATRAN", "CDIST", "DRAD", "EMIS", "EMSD", "QA")),
        *(Band(f"ST_{name}", "int16") for name in ("TRAD", "URAD")),
        Band("QA_PIXEL", "uint16", choices=_QA_PIXEL),
        Band("QA_RADSAT", "uint16", choices=(0, 0, 0, 4)),
    )


_TM = _landsat_bands(
    (1, 2, 3, 4, 5, 7),
    "ST_B6",
    (Band("SR_ATMOS_OPACITY", "int16", 0, 400), Band("SR_CLOUD_QA", "uint8", 0, 64)),
)
_OLI = _landsat_bands((1, 2, 3, 4, 5, 6, 7), "ST_B10", (Band("SR_QA_AEROSOL", "uint8", 0, 256),))
_S2 = (
    *(Band(f"B{number}", "uint16") for number in (1, 2, 3, 4, 5, 6, 7, 8)),
    *(Band(name, "uint16") for name in ("B8A", "B9", "B11", "B12")),
    Band("AOT", "uint16", 0, 500),
    Band("WVP", "uint16", 0, 5000),
    Band("SCL", "uint8", 1, 11),
    *(Band(f"TCI_{colour}", "uint8", 1, 255) for colour in "RGB"),
    Band("MSK_CLDPRB", "uint8", 0, 101),
    Band("MSK_SNWPRB", "uint8", 0, 101),
    Band("QA10", "uint16", 0, 1),
    Band("QA20", "uint32", 0, 1),
    Band("QA60", "uint16", choices=(0, 0, 1024, 2048)),
)
_ANGLES = tuple(Band(name, "uint16", 1000, 8000) for name in ("SZA", "SAA", "VZA", "VAA"))
_FMASK = Band("Fmask", "uint8", choices=(64, 66, 72, 80, 96, 130, 194, 224))


def _hls_bands(names: str) -> tuple[Band, ...]:
    reflective = tuple(Band(name, "float32", divisor=10_000) for name in names.split())
    return (*reflective, _FMASK, *_ANGLES)


_LT04 = Satellite("LANDSAT_4", "LT04", date(1982, 8, 22), date(1993, 6, 24), 8)
_LT05 = Satellite("LANDSAT_5", "LT05", date(1984, 3, 16), date(2012, 5, 5), 0)
_LE07 = Satellite("LANDSAT_7", "LE07", date(1999, 5, 28), date(2024, 1, 19), 8)
_LC08 = Satellite("LANDSAT_8", "LC08", date(2013, 3, 18), None, 0)
_LC09 = Satellite("LANDSAT_9", "LC09", date(2021, 10, 31), None, 8)
_S2A = Satellite("Sentinel-2A", "A", date(2017, 3, 28), None, 0)
_S2B = Satellite("Sentinel-2B", "B", date(2017, 7, 6), None, 5)


def _landsat(satellite: Satellite, bands: tuple[Band, ...]) -> CollectionSpec:
    return CollectionSpec(
        f"LANDSAT/{satellite.mark}/C02/T1_L2", "landsat", bands, (satellite,), 1.6, 0.15, 16, 1, 81.6
    )


_ALL = (
    _landsat(_LT04, _TM),
    _landsat(_LT05, _TM),
    _landsat(_LE07, _TM),
    _landsat(_LC08, _OLI),
    _landsat(_LC09, _OLI),
    CollectionSpec(
        "COPERNICUS/S2_SR_HARMONIZED", "sentinel2", _S2, (_S2A, _S2B), 1.0, 0.05, 10, 3, 80.0, 10.0
    ),
    CollectionSpec(
        "NASA/HLS/HLSL30/v002",
        "hls",
        _hls_bands("B1 B2 B3 B4 B5 B6 B7 B9 B10 B11"),
        (_LC08, _LC09),
        *(1.0, 0.05, 16, 2, 80.0),
    ),
    CollectionSpec(
        "NASA/HLS/HLSS30/v002",
        "hls",
        _hls_bands("B1 B2 B3 B4 B5 B6 B7 B8 B8A B9 B10 B11 B12"),
        (_S2A, _S2B),
        *(1.0, 0.05, 10, 3, 80.0),
    ),
)
COLLECTIONS: Mapping[str, CollectionSpec] = {spec.id: spec for spec in _ALL}
"""By identifier."""
