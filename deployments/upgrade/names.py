"""What the release before the one name called things, and what they are called now.

Until then the package was `eokit`, with `flows`, `tasks`, `blocks`, `deployments` and `sandbox` beside it,
and deployments named files: `flows/stage_aux.py:aux_staging`.
"""

import re

from eoflows.deployments.package import PACKAGE

__all__ = ["TOPS", "entry_point", "exists", "successor"]

TOPS = ("flows", "tasks", "blocks", "deployments", "sandbox")
"""Packages that were imported under their own names."""

_ROOMS = {
    "base": "errors times digest concurrency current_client tracing background http",
    "stores": "transfer storage catalog stac",
    "services": "dummy earth_engine geo_engine ogc_processes up42 contracts",
    "products": "selection staging systematic unpack derivation expiry checks",
    "completeness": "audit matrix",
}
_MOVED = {
    "eokit.jobs": "eoflows.jobs",
    "eokit.jobs.submit": "eoflows.jobs.submission",
    "eokit.jobs.collect": "eoflows.jobs.collection",
    "eokit.ledger": "eoflows.jobs.ledger",
    "eokit.rs_server.environment": "eoflows.products.environment",
    "eokit.rs_server.sources": "eoflows.products.environment",
    "eokit.rs_server.staging": "eoflows.products.staging.by_service",
    "eokit.rs_server.staging_input": "eoflows.products.staging.service_input",
    "eokit.rs_server": "eoflows.products.environment",
    **{f"eokit.{part}": f"eoflows.{room}.{part}" for room, parts in _ROOMS.items() for part in parts.split()},
    **{top: f"eoflows.{top}" for top in TOPS},
}
"""Old module to new; what was in it, modules or other, is in the new one under the same name."""

_ENTRY_POINT = re.compile(r"(?:.*/)?flows/(\w+)\.py:(\w+)|flows\.(\w+)\.(\w+)")


def successor(name: str) -> str | None:
    """Give the present name of an old module, or of something in one; None for what is no old name.

    Example:
        >>> successor("eokit.catalog.LocalCatalog")
        'eoflows.stores.catalog.LocalCatalog'
    """
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        moved = _MOVED.get(".".join(parts[:length]))
        if moved is not None:
            return ".".join([moved, *parts[length:]])
    return None


def entry_point(old: str) -> str | None:
    """Give the present entry point of a deployment that names one of our flows as it was; None for others.

    Example:
        >>> entry_point("flows/stage_aux.py:aux_staging")
        'eoflows.flows.stage_aux.aux_staging'
    """
    found = _ENTRY_POINT.fullmatch(old)
    if found is None:
        return None
    module, function = (part for part in found.groups() if part is not None)
    return f"eoflows.flows.{module}.{function}" if exists(f"eoflows.flows.{module}") else None


def exists(module: str) -> bool:
    """Tell whether this release has a module; nothing is imported."""
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path.is_dir() or path.with_suffix(".py").is_file()
