"""Upkeep of a ledger's database.

    python -m eoflows.jobs.ledger create URL             make a ledger where there is none, once
    python -m eoflows.jobs.ledger version URL            the schema's version
    python -m eoflows.jobs.ledger upgrade URL            bring the schema to this release's version
    python -m eoflows.jobs.ledger backup URL FILE        copy a ledger in SQLite while workers go on
    python -m eoflows.jobs.ledger restore FILE URL       put a copy in the place of a ledger that was lost
    python -m eoflows.jobs.ledger doubt URL              after pg_restore: ask before anything is sent

URL is an absolute path of a SQLite file, or postgresql://user:password@host/name; `-` reads it from the
environment variable EOFLOWS_LEDGER_URL, which other users of the host cannot see.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import anyio

from eoflows.base.errors import EoError
from eoflows.jobs.ledger import Ledger
from eoflows.jobs.ledger.backups import back_up, doubt_planned, restore
from eoflows.jobs.ledger.database import Database, read_url
from eoflows.jobs.ledger.schema import newest, upgrade, version

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Do what the command line says, and return the exit code."""
    given = _parser().parse_args(arguments)
    try:
        print(anyio.run(_do, given))
    except EoError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m eoflows.jobs.ledger",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("create", "version", "upgrade", "backup", "restore", "doubt"):
        command = commands.add_parser(name)
        if name == "restore":
            command.add_argument("file", type=Path)
        command.add_argument("url", type=_url)
        if name == "backup":
            command.add_argument("file", type=Path)
    return parser


def _url(text: str) -> str:
    return os.environ.get("EOFLOWS_LEDGER_URL", "") if text == "-" else text


async def _do(given: argparse.Namespace) -> str:
    match given.command:
        case "backup":
            jobs = await anyio.to_thread.run_sync(back_up, given.url, given.file)
            return f"{given.file}: {jobs} jobs"
        case "restore":
            return _doubts(await restore(given.file, given.url))
        case "create":
            async with Ledger(given.url, create=True) as ledger:
                return f"{ledger.where} is a ledger"
    async with Database(read_url(given.url)) as database:
        match given.command:
            case "upgrade":
                return f"{database.where} has schema {await upgrade(database)}"
            case "doubt":
                return _doubts(await doubt_planned(database))
        found = await database.read(version) or "none"
        return f"{database.where} has schema {found}; this release writes {newest()}"


def _doubts(number: int) -> str:
    return (
        f"{number} planned jobs are in doubt: the next round of track-jobs asks their services. What was "
        "ordered after the copy is not in it: look at the services before you order again"
    )


if __name__ == "__main__":
    sys.exit(main())
