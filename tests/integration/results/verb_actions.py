"""What the children of `deadly` do: the verbs that make results, as their flows call them."""

import shutil
from pathlib import Path
from typing import Any

import obstore  # noqa: F401
from job_world import World, sqlite_url
from result_actions import content_of, storage_at

from eoflows.jobs.collection import collect
from eoflows.jobs.ledger import backups
from eoflows.stores.catalog import LocalCatalog
from eoflows.stores.catalog.export import export_geoparquet, export_items

COLLECTION = "o:c"


async def save_page(name: str, where: str, folder: str, text: str) -> None:
    """Keep a page under its day and under a name that stays, as the matrix does."""
    storage = storage_at(where, folder, name)
    for page in ("2025-01-01", "latest"):
        await storage.save(f"demo/_mornings/{page}.html", content_of(text))


async def collect_later(name: str, where: str, folder: str, ledgers: str) -> list[dict[str, Any]]:
    """Fetch them when the lease of a dead run has ended."""
    return await collect_results(name, where, folder, ledgers, 1000.0)


async def collect_results(
    name: str, where: str, folder: str, ledgers: str, after: float = 0.0
) -> list[dict[str, Any]]:
    """Fetch the results of the jobs of a copy of the ledger, and give what is known of them."""
    home = Path(ledgers) / name
    if not home.exists():
        home.mkdir()
        shutil.copy(Path(ledgers) / "ledger.db", home)
    world = World(sqlite_url(home))
    world.clock.advance(after)
    async with world.ledger() as ledger:
        done = await collect(ledger, world.open_collecting, storage_at(where, folder, name))
    return [{"error": one.error, **one.outputs.get("a.bin", {})} for one in done]


async def export(name: str, folder: str, catalog: str, kind: str) -> int:
    """Export a collection over what is there."""
    write = export_geoparquet if kind == "parquet" else export_items
    target = Path(folder) / name / f"out.{kind}"
    target.parent.mkdir(parents=True, exist_ok=True)
    async with LocalCatalog(catalog) as opened:
        return await write(opened, COLLECTION, target, replace=True)


def back_up(name: str, folder: str, ledger: str) -> int:
    """Copy a ledger to where nothing is."""
    target = Path(folder) / name / "copy.db"
    return -1 if target.exists() else backups.back_up(ledger, target)
