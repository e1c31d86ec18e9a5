import subprocess
import sys

HEAVY = {
    "ee",
    "google.cloud",
    "google.auth",
    "numpy",
    "pandas",
    "pyproj",
    "rasterio",
    "shapely",
    "xarray",
    "zarr",
}


def test_the_package_is_light_until_it_is_used():
    code = "from eoflows.services.earth_engine import *; import sys; print('\\n'.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not (HEAVY | {"prefect", "eoflows.sandbox"}) & set(done.stdout.split())
