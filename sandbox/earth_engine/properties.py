"""Names and properties of scenes, as the real collections have them."""

import math
import random
import string
from datetime import timedelta
from typing import Any

from eoflows.sandbox.earth_engine.passes import Passing

__all__ = ["describe", "scene_name"]

_BANDS = "CDEFGHJKLMNPQRSTUVWX"
_LETTERS = "".join(sign for sign in string.ascii_uppercase if sign not in "IO")
_SPARSE_EVERY = 23
_WITHOUT_THERMAL_EVERY = 29


def scene_name(scene: Passing) -> str:
    """Return the `system:index`."""
    if scene.spec.kind == "landsat":
        return f"{scene.satellite.mark}_{scene.orbit:03d}{scene.row + 1:03d}_{scene.time:%Y%m%d}"
    if scene.spec.kind == "sentinel2":
        processed = scene.time + timedelta(minutes=5, seconds=scene.row)
        return f"{scene.time:%Y%m%dT%H%M%S}_{processed:%Y%m%dT%H%M%S}_{_tile(scene)}"
    return f"{_tile(scene)}_{scene.time:%Y%m%dT%H%M%S}"


def describe(scene: Passing, chance: random.Random) -> dict[str, Any]:
    """Return the properties of a scene, without its footprint.

    One scene in 23 lacks a property that the others have; one Landsat scene in 29 has no temperature.
    """
    start = int(scene.time.timestamp() * 1000)
    own = {"landsat": _landsat, "sentinel2": _sentinel2, "hls": _hls}[scene.spec.kind](scene, chance)
    return {
        **own,
        "system:index": scene_name(scene),
        "system:time_start": start,
        "system:time_end": start + (0 if scene.spec.kind == "sentinel2" else 28_000),
        "system:asset_size": chance.randrange(300_000_000, 900_000_000),
    }


def _tile(scene: Passing) -> str:
    x, y = scene.centre
    zone = int((x + 180) // 6) + 1
    letters = _LETTERS[scene.column % 24] + _LETTERS[scene.row % 20]
    return f"T{zone:02d}{_BANDS[min(19, int((y + 80) // 8))]}{letters}"


def _sun(scene: Passing, chance: random.Random) -> tuple[float, float]:
    """Return azimuth and elevation, degrees: plausible, not exact."""
    season = 23.4 * math.sin(2 * math.pi * (scene.time.timetuple().tm_yday - 80) / 365.25)
    elevation = max(2.0, 72 - abs(scene.centre[1] - season) + chance.uniform(-1, 1))
    return round(150 + chance.uniform(-20, 20), 6), round(elevation, 6)


def _landsat(scene: Passing, chance: random.Random) -> dict[str, Any]:
    path, row, mark = scene.orbit, scene.row + 1, scene.satellite.mark
    number, cloud = chance.randrange(10**6), round(chance.uniform(0, 100), 2)
    azimuth, elevation = _sun(scene, chance)
    thermal = chance.randrange(_WITHOUT_THERMAL_EVERY) > 0
    level = "L2SP" if thermal else "L2SR"
    processed = f"{scene.time + timedelta(days=16):%Y%m%d}"
    properties = {
        "CLOUD_COVER": cloud,
        "CLOUD_COVER_LAND": round(min(100.0, cloud * chance.uniform(0.9, 1.1)), 2),
        "COLLECTION_CATEGORY": "T1",
        "COLLECTION_NUMBER": 2,
        "DATE_ACQUIRED": scene.day,
        "GEOMETRIC_RMSE_MODEL": round(chance.uniform(3, 9), 3),
        "IMAGE_QUALITY": 9,
        "LANDSAT_PRODUCT_ID": f"{mark}_{level}_{path:03d}{row:03d}_{scene.time:%Y%m%d}_{processed}_02_T1",
        "LANDSAT_SCENE_ID": f"{mark[:2]}{mark[3]}{path:03d}{row:03d}{scene.time:%Y%j}LGN{number % 100:02d}",
        "PROCESSING_LEVEL": level,
        "SCENE_CENTER_TIME": f"{scene.time:%H:%M:%S}.{number:06d}0Z",
        "SENSOR_ID": {"LT": "TM", "LE": "ETM", "LC": "OLI_TIRS"}[mark[:2]],
        "SPACECRAFT_ID": scene.satellite.name,
        "SUN_AZIMUTH": azimuth,
        "SUN_ELEVATION": elevation,
        "UTM_ZONE": int((scene.centre[0] + 180) // 6) + 1,
        "WRS_PATH": path,
        "WRS_ROW": row,
    }
    if chance.randrange(_SPARSE_EVERY) == 0:
        del properties["GEOMETRIC_RMSE_MODEL"]
    return properties


def _sentinel2(scene: Passing, chance: random.Random) -> dict[str, Any]:
    azimuth, elevation = _sun(scene, chance)
    unit, tile = f"S2{scene.satellite.mark}", _tile(scene)
    baseline, cloud = "05.00", round(chance.uniform(0, 100), 6)
    taken = f"{scene.time:%Y%m%dT%H%M%S}"
    absolute = 30_000 + (scene.time.toordinal() - 738_000) * 14
    made = scene.time + timedelta(hours=6)
    properties = {
        "CLOUDY_PIXEL_PERCENTAGE": cloud,
        "DATASTRIP_ID": f"{unit}_OPER_MSI_L2A_DS_2APS_{made:%Y%m%dT%H%M%S}_S{taken}_N{baseline}",
        "DATATAKE_IDENTIFIER": f"G{unit}_{taken}_{absolute:06d}_N{baseline}",
        "GENERATION_TIME": int(made.timestamp() * 1000),
        "GRANULE_ID": f"L2A_{tile}_A{absolute:06d}_{taken}",
        "MEAN_SOLAR_AZIMUTH_ANGLE": azimuth,
        "MEAN_SOLAR_ZENITH_ANGLE": round(90 - elevation, 6),
        "MGRS_TILE": tile[1:],
        "NODATA_PIXEL_PERCENTAGE": round(chance.uniform(0, 50), 6),
        "PROCESSING_BASELINE": baseline,
        "PRODUCT_ID": f"{unit}_MSIL2A_{taken}_N0500_R{scene.orbit:03d}_{tile}_{made:%Y%m%dT%H%M%S}",
        "SENSING_ORBIT_DIRECTION": "DESCENDING",
        "SENSING_ORBIT_NUMBER": scene.orbit,
        "SNOW_ICE_PERCENTAGE": round(chance.uniform(0, 5), 6),
        "SPACECRAFT_NAME": scene.satellite.name,
    }
    if chance.randrange(_SPARSE_EVERY) == 0:
        del properties["SNOW_ICE_PERCENTAGE"]
    return properties


def _hls(scene: Passing, chance: random.Random) -> dict[str, Any]:
    azimuth, elevation = _sun(scene, chance)
    taken, tile = f"{scene.time:%Y-%m-%dT%H:%M:%SZ}", _tile(scene)
    landsat = "HLSL30" in scene.spec.id
    product = f"{scene.satellite.mark}_L1TP_{scene.orbit:03d}_{scene.time:%Y%m%d}_02_T1"
    properties = {
        "ACCODE": "LaSRC",
        "CLOUD_COVERAGE": chance.randrange(101),
        "HORIZONTAL_CS_NAME": f"WGS84 / UTM {tile[1:3]}",
        "MEAN_SUN_AZIMUTH_ANGLE": azimuth,
        "MEAN_SUN_ZENITH_ANGLE": round(90 - elevation, 6),
        "NBAR_SOLAR_ZENITH": round(chance.uniform(20, 60), 6),
        "SENSING_TIME": taken,
        "SPATIAL_COVERAGE": chance.randrange(30, 101),
        "LANDSAT_PRODUCT_ID" if landsat else "PRODUCT_URI": product,
    }
    if chance.randrange(_SPARSE_EVERY) == 0:
        del properties["NBAR_SOLAR_ZENITH"]
    return properties
