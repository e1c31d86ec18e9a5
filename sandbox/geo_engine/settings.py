"""What the Geo Engine stand-in believes of the real one.

A field whose doc line says *believed* was never observed on a real server.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from eoflows.sandbox.geo_engine.grid import TileOrigin
from eoflows.sandbox.geo_engine.sources import Band, Column, RasterSource, VectorSource
from eoflows.sandbox.geo_engine.time_steps import RegularTime

__all__ = ["GeoEngineSettings", "GeoUser"]


@dataclass(frozen=True, kw_only=True)
class GeoUser:
    """Somebody who may log in."""

    password: str
    real_name: str = ""
    admin: bool = False
    """May see and change the quota of others."""


def _datasets() -> dict[str, RasterSource | VectorSource]:
    index = Band(name="ndvi", measurement={"type": "continuous", "measurement": "vegetation", "unit": None})
    reflectance = tuple(Band(name=name) for name in ("B04", "B03", "B02"))
    return {
        "ndvi": RasterSource(
            width=3600,
            height=1800,
            data_type="U8",
            bands=(index,),
            time=RegularTime(granularity="months", count=6),
            null_share=0.1,
            pattern="gradient",
        ),
        "reflectance": RasterSource(
            width=2048,
            height=2048,
            data_type="U16",
            origin=(399_960.0, 5_700_000.0),
            pixel_size=(10.0, 10.0),
            spatial_reference="EPSG:32632",
            bands=reflectance,
            time=RegularTime(count=3),
        ),
        "ports": VectorSource(
            count=500,
            columns={
                "scalerank": Column(),
                "natlscale": Column(
                    data_type="float",
                    measurement={"type": "continuous", "measurement": "natural scale", "unit": None},
                ),
                "featurecla": Column(
                    data_type="category",
                    measurement={
                        "type": "classification",
                        "measurement": "class",
                        "classes": {str(number): f"class {number}" for number in range(4)},
                    },
                ),
                "name": Column(data_type="text"),
            },
        ),
    }


@dataclass(frozen=True, kw_only=True)
class GeoEngineSettings:
    """Everything that can be set on the Geo Engine."""

    anonymous: bool = True
    """Sessions without a login are given."""
    users: Mapping[str, GeoUser] = field(
        default_factory=lambda: {
            "demo@example.org": GeoUser(password="demo-password", real_name="Demo"),  # noqa: S106
            "admin@example.org": GeoUser(password="admin-password", real_name="Admin", admin=True),  # noqa: S106
        }
    )
    """E-mail address to user."""
    session_lifetime: float = 3600.0
    """Seconds until a session ends; nothing prolongs it."""
    datasets: Mapping[str, RasterSource | VectorSource] = field(default_factory=_datasets)
    """What `{"type": "GdalSource", "params": {"data": NAME}}` and `OgrSource` find."""
    tile_size: int = 512
    """Rows and columns of a tile (documented default)."""
    tile_origin: TileOrigin = "nearest_zero"
    """Tiles are counted from the pixel corner nearest to (0, 0), or (on a branch) from the source's own."""
    fill_beyond_bounds: bool = True
    """A regular time dimension is also filled where it has no data (believed)."""
    max_steps: int = 100_000
    """More time steps than this in one query are refused (believed: a real server would go on)."""
    chunk_bytes: int = 1024 * 1024
    """About the size of a chunk of features (documented default)."""
    wcs_tile_limit: int = 4
    """Most tiles that one coverage request may touch (documented default)."""
    quota_available: int = 9999
    """Credits of a new user."""
    task_seconds: float = 0.4
    """How long a task runs."""
    clean_up_seconds: float = 0.2
    """How long the clean-up of an aborted task runs."""
    cache_bytes: int = 64 * 1024 * 1024
    """Encoded stream messages that are kept, the least used go first; for benchmarks: all that is asked."""
