"""OGC API - Processes: clients, documents, and pure functions for whoever follows jobs."""

from typing import TYPE_CHECKING

from eoflows.base.lazy import names_of

if TYPE_CHECKING:
    from eoflows.services.ogc_processes.public import *  # noqa: F403
else:
    __getattr__, __dir__ = names_of(__name__, "eoflows.services.ogc_processes.public")
