"""Earth Engine pre-ARD: tile grids, collections, orders, tracking, verified downloads and conversion."""

from typing import TYPE_CHECKING

from eoflows.base.lazy import names_of

if TYPE_CHECKING:
    from eoflows.services.earth_engine.public import *  # noqa: F403
else:
    __getattr__, __dir__ = names_of(__name__, "eoflows.services.earth_engine.public")
