"""Where the package's own files are: the same from a checkout as from a wheel."""

from pathlib import Path

import eoflows

__all__ = ["LOGOS", "PACKAGE", "PREFECT_FILE"]

PACKAGE = Path(eoflows.__file__).parent
"""The folder of the package."""

PREFECT_FILE = PACKAGE / "prefect.yaml"
"""Every deployment."""

LOGOS = PACKAGE / "blocks" / "logos"
"""The pictures of our blocks."""
