"""The schema of the ledgers. Catalogues raise theirs when they are opened."""

from functools import partial
from pathlib import Path

import sqlalchemy as sa
from prefect.client.orchestration import PrefectClient
from pydantic import ValidationError

from eoflows.base.errors import LedgerError
from eoflows.blocks import JobLedger
from eoflows.deployments.upgrade.steps import UpgradeStep
from eoflows.jobs.ledger.database import Database, read_url
from eoflows.jobs.ledger.schema import newest, upgrade, version

__all__ = ["ledger_steps"]


async def ledger_steps(client: PrefectClient) -> list[UpgradeStep]:
    """Plan: ledgers with an older schema, and those that cannot be asked from here."""
    slug = JobLedger.get_block_type_slug()
    steps = []
    urls: set[str] = set()
    for document in await client.read_block_documents_by_type(slug):
        try:
            url = JobLedger.model_validate(document.data).url.get_secret_value()
        except ValidationError:
            continue  # It is named among the blocks.
        if url not in urls:
            steps += await _ledger_steps(f"ledger {document.name}", url)
        urls.add(url)
    return steps


async def _ledger_steps(subject: str, url: str) -> list[UpgradeStep]:
    place = read_url(url)
    if _absent(place):
        return []  # It is on another host, or was never made: whoever uses it is told.
    try:
        async with Database(place) as database:
            found = await database.read(version)
    except LedgerError as error:
        how = "python -m eoflows.jobs.ledger version -"
        return [UpgradeStep(subject, f"{error}; ask for its schema where it can be reached: {how}")]
    if found in (None, newest()):
        return []
    return [
        UpgradeStep(subject, f"schema {found} becomes {newest()}, in one transaction", partial(_upgrade, url))
    ]


def _absent(place: sa.URL) -> bool:
    return place.drivername.startswith("sqlite") and not Path(place.database or "").exists()


async def _upgrade(url: str, _: PrefectClient) -> None:
    async with Database(read_url(url)) as database:
        await upgrade(database)
