"""Libraries that only some services need: whoever lacks one is told which extra brings it.

A finder that is asked when no other has found a module. What our own modules import is then known to be an
extra's; anybody else's import fails as ever, and so does looking whether a module is there.
"""

# `import eoflows` pays for what this module imports.
from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

__all__ = ["tell_missing_extras"]

_EXTRAS = {
    "eoflows.jobs.ledger": "postgres",
    "eoflows.sandbox": "sandbox",
    "eoflows.services.earth_engine": "earth-engine",
    "eoflows.services.geo_engine": "geo-engine",
    "eoflows.stores.catalog": "geoparquet",
    "eoflows.stores.storage": "s3",
    "eoflows.stores.storage.google": "gcs",
    "eoflows.stores.transfer": "s3",
    "eoflows.stores.transfer.google": "gcs",
    "eoflows.stores.transfer.google_session": "gcs",
    "eoflows.stores.transfer.google_source": "gcs",
    "eoflows.stores.transfer.google_token": "gcs",
    "eoflows.tasks.plot": "geo-engine",
    "eoflows.tasks.spread": "dask",
}
"""The extra whose libraries a module, or those below it, may import."""

_MACHINERY = frozenset({"importlib", "importlib._bootstrap", "_frozen_importlib", __name__})


class _MissingExtras:
    """The last of the finders: it finds nothing."""

    @staticmethod
    def find_spec(name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> None:
        """Say which extra has the module that one of ours imports.

        Raises:
            MissingExtraError: Importing it needs an extra.
        """
        extra = None if name.startswith("eoflows") else _extra_of(_importer())
        if extra is not None:
            from eoflows.base.errors import MissingExtraError  # noqa: PLC0415

            raise MissingExtraError(f"{name} is not installed: pip install 'eoflows[{extra}]'", name=name)


def _importer() -> str:
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_globals.get("__name__") in _MACHINERY:
        frame = frame.f_back
    return str(frame.f_globals.get("__name__"))


def _extra_of(module: str) -> str | None:
    while module and module not in _EXTRAS:
        module = module.rpartition(".")[0]
    return _EXTRAS.get(module)


def tell_missing_extras() -> None:
    """Be asked from now on."""
    if _MissingExtras not in sys.meta_path:
        sys.meta_path.append(_MissingExtras)
