"""Writes the blocks of what an installation brings itself: storage, ledger and catalogue.

    python -m eoflows.deployments.infrastructure

The places and keys come from the environment, as docker/compose.yaml gives them: `STORAGE_URL`,
`STORAGE_ENDPOINT`, `STORAGE_ACCESS_KEY`, `STORAGE_SECRET_KEY`, `STORAGE_SPOOL`, `LEDGER_URL` (without a
password), `LEDGER_PASSWORD` and `CATALOG_URL`. The blocks are named `default`, the catalogue's `catalog`.
Change them there, not in the UI: applied again, it writes them again. An EO Environment names your stations
and owners, and is yours to make. It talks to the Prefect server of `PREFECT_API_URL`.
"""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from pydantic import SecretStr

from eoflows.base.errors import LedgerError
from eoflows.blocks import JobLedger, ObjectStorage, S3Bucket, StacApi
from eoflows.jobs.ledger import Ledger
from eoflows.stores.catalog.remote import CatalogProfile

__all__ = ["apply", "create_ledger"]

NAME = "default"


async def apply(given: Mapping[str, str]) -> None:
    """Write the blocks.

    Args:
        given: The environment.

    Raises:
        KeyError: A variable is missing.
    """
    bucket = S3Bucket(
        bucket=urlsplit(given["STORAGE_URL"]).netloc,
        endpoint=given["STORAGE_ENDPOINT"],
        access_key=given["STORAGE_ACCESS_KEY"],
        secret_key=SecretStr(given["STORAGE_SECRET_KEY"]),
    )
    await bucket.asave(NAME, overwrite=True)
    spool = Path(given["STORAGE_SPOOL"])
    storage = ObjectStorage(url=given["STORAGE_URL"], bucket=bucket, spool=spool)
    await storage.asave(NAME, overwrite=True)
    url = with_password(given["LEDGER_URL"], given["LEDGER_PASSWORD"])
    await JobLedger(url=SecretStr(url), results=storage).asave(NAME, overwrite=True)
    catalog = StacApi(url=given["CATALOG_URL"], catalog_profile=CatalogProfile.PGSTAC)
    await catalog.asave("catalog", overwrite=True)


async def create_ledger(given: Mapping[str, str]) -> None:
    """Make the ledger where there is none yet.

    Raises:
        LedgerError: It cannot be used.
    """
    url = with_password(given["LEDGER_URL"], given["LEDGER_PASSWORD"])
    async with Ledger(url, create=True):
        pass


def with_password(url: str, password: str) -> str:
    """Put a password into a URL that has a user."""
    parts = urlsplit(url)
    user, _, host = parts.netloc.rpartition("@")
    return urlunsplit(parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}"))


def main() -> int:
    """Apply, and return the exit code."""
    try:
        asyncio.run(apply(os.environ))
        asyncio.run(create_ledger(os.environ))
    except KeyError as missing:
        print(f"error: {missing.args[0]} is not in the environment", file=sys.stderr)
        return 1
    except LedgerError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
