"""Installs what the private servers need, when it is missing: PostgreSQL by apt, pgstac by pip."""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["MissingServerError", "apt_install", "pgstac_programs", "postgres_programs", "redis_programs"]

HOME = Path(__file__).resolve().parents[2] / ".eoflows" / "services"
"""Where installations are kept between test sessions."""

PGSTAC = ("stac-fastapi.pgstac[server]==7.2.*", "pypgstac[psycopg]==0.10.*", "uvicorn>=0.30")
_DEBIAN = Path("/usr/lib/postgresql")
_EXTENSIONS = "/usr/share/postgresql/{major}/extension/postgis.control"


class MissingServerError(RuntimeError):
    """A program for tests is not installed and cannot be installed from here; the message says how to."""


def postgres_programs(*, postgis: bool = False) -> Path:
    """Give the folder of PostgreSQL's programs; the newest where there are several.

    Installs Debian's packages when they are missing and we are root.

    Args:
        postgis: Whether the PostGIS extension must be there too.

    Raises:
        MissingServerError: It is not there and cannot be installed from here.
    """
    with _lock("apt"):
        found = _programs()
        if found is None:
            apt_install("postgresql")
            found = _programs()
        if found is None:
            raise MissingServerError("PostgreSQL's initdb is not there, also not after its installation")
        major = found.parent.name
        if postgis and found.is_relative_to(_DEBIAN) and not Path(_EXTENSIONS.format(major=major)).exists():
            apt_install(f"postgresql-{major}-postgis-3", f"postgresql-{major}-postgis-3-scripts")
    return found


def pgstac_programs() -> Path:
    """Give the folder of pgstac's programs, in a virtual environment of their own.

    Raises:
        MissingServerError: pip could not install them.
    """
    home = HOME / "pgstac"
    done = home / "eoflows-installed.txt"
    wanted = "\n".join(PGSTAC)
    with _lock("pgstac"):
        if not done.exists() or done.read_text() != wanted:
            _run([sys.executable, "-m", "venv", str(home)])
            _run([str(home / "bin" / "pip"), "install", "--quiet", *PGSTAC])
            done.write_text(wanted)
    return home / "bin"


def redis_programs() -> Path:
    """Give the folder of Redis's programs; installs Debian's package when it is missing and we are root.

    Raises:
        MissingServerError: It is not there and cannot be installed from here.
    """
    with _lock("apt"):
        if not shutil.which("redis-server"):
            apt_install("redis-server")
    return Path(str(shutil.which("redis-server"))).parent


def _programs() -> Path | None:
    on_path = shutil.which("initdb")
    if on_path:
        return Path(on_path).resolve().parent
    found = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def apt_install(*packages: str) -> None:
    """Install Debian's packages.

    Raises:
        MissingServerError: We are not root, or apt could not.
    """
    command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise MissingServerError(f"a program for tests is missing; install it: {' '.join(command)}")
    quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    _run(["apt-get", "update", "-qq"], quiet)
    _run(command, quiet)


def _run(command: Sequence[str], environment: dict[str, str] | None = None) -> None:
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = "\n".join((done.stdout + done.stderr).splitlines()[-20:])
        raise MissingServerError(f"{' '.join(command)} ended with {done.returncode}\n{said}")


@contextmanager
def _lock(name: str) -> Iterator[None]:
    """Let one process at a time install."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / f"{name}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
