"""A Prefect database as its migrations leave it, made once and copied wherever a server begins with none.

python -m eoflows.deployments.prefect_database   # makes what is copied, unless it is there
"""

import argparse
import contextlib
import fcntl
import gzip
import os
import sqlite3
import subprocess
import sys
import tempfile
import zlib
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from eoflows.base.files import whole_file
from eoflows.deployments.package import PACKAGE

__all__ = ["cache_directory", "copied", "make_template", "new_database", "template"]

_DECIDE = ("prefect", "sqlalchemy", "alembic")
"""The packages whose versions decide what the migrations leave."""


def cache_directory() -> Path:
    """Return where templates are kept: in the checkout, or in the user's cache for an installed package."""
    checkout = PACKAGE.parent
    if (checkout / "pyproject.toml").is_file():
        return checkout / ".eoflows" / "cache"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "eoflows"


def template(cache: Path) -> Path:
    """Return where the versions installed keep their template: a gzip file, which notices its own damage."""
    return cache / f"{'-'.join(f'{name}-{version(name)}' for name in _DECIDE)}.sqlite.gz"


def new_database(target: Path, cache: Path) -> None:
    """Put a database without contents at `target`; seconds when the cache has no template, else milliseconds.

    Raises:
        OSError, StorageError: A file cannot be written.
        subprocess.CalledProcessError: Prefect's migrations failed; its words are above.
    """
    if not copied(target, cache):
        make_template(cache)
        if not copied(target, cache):
            raise OSError(f"{template(cache)} was made and cannot be read")


def copied(target: Path, cache: Path) -> bool:
    """Copy the template to `target`, whole or not at all; False when there is none, or a damaged one.

    Whoever calls is alone with `target`: a database that is there is replaced.
    """
    try:
        content = gzip.decompress(template(cache).read_bytes())
    except (OSError, EOFError, zlib.error):
        return False
    if not content:  # Of nothing, gzip makes nothing.
        return False
    for rest in ("-wal", "-shm"):  # SQLite would carry over into the copy what is left of another database.
        target.with_name(target.name + rest).unlink(missing_ok=True)
    _write_whole(target, content)
    return True


def make_template(cache: Path) -> None:
    """Make the template unless a good one is there; of several processes one makes it and the others wait.

    Raises:
        OSError, StorageError: A file cannot be written.
        subprocess.CalledProcessError: Prefect's migrations failed; its words are above.
    """
    cache.mkdir(parents=True, exist_ok=True)
    with _alone(cache / "prefect-database.lock"), tempfile.TemporaryDirectory() as folder:
        if not copied(Path(folder, "tried.sqlite"), cache):
            _write_whole(template(cache), gzip.compress(_migrated(Path(folder)), mtime=0))


def _migrated(folder: Path) -> bytes:
    file = folder / "prefect.sqlite"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    place = {
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_DATABASE_CONNECTION_URL": f"sqlite+aiosqlite:///{file}",
    }
    command = [sys.executable, "-m", "prefect", "server", "database", "upgrade", "--yes"]
    subprocess.run(command, check=True, cwd=folder, env=environment | place, stdout=sys.stderr)  # noqa: S603
    with contextlib.closing(sqlite3.connect(file)) as database:
        return database.serialize()


def _write_whole(path: Path, content: bytes) -> None:
    with whole_file(path, fsync=True) as part:
        part.write_bytes(content)


@contextlib.contextmanager
def _alone(path: Path) -> Iterator[None]:
    with path.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> None:
    """Make the template."""
    parser = argparse.ArgumentParser(
        prog="python -m eoflows.deployments.prefect_database", description=__doc__
    )
    parser.add_argument("--cache", type=Path, default=cache_directory(), help="(default: %(default)s)")
    make_template(parser.parse_args().cache)


if __name__ == "__main__":
    main()
