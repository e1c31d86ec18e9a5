"""A private stac-fastapi-pgstac with transactions, over a private PostgreSQL."""

import os
import re
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

from eoflows.deployments.databases.guard import Guarded
from eoflows.deployments.databases.install import pgstac_programs
from eoflows.deployments.databases.postgres import HOST, Login, PrivatePostgres, ServerFailedError

__all__ = ["PrivatePgstac"]

START_SECONDS = 90.0
_ADDRESS = re.compile(rf"http://{HOST}:[1-9]\d*")


class PrivatePgstac:
    """The STAC API of a database of its own; it ends with this process.

    Args:
        postgres: A running server with PostGIS.
        database: Name of the database.
        workers: Processes that answer; several write at once as a real installation does.

    Example:
        ```python
        with PrivatePostgres(postgis=True) as postgres, PrivatePgstac(postgres) as pgstac:
            ask(pgstac.url)
        ```
    """

    def __init__(self, postgres: PrivatePostgres, *, database: str = "stac", workers: int = 1) -> None:
        self._postgres, self._database, self._workers = postgres, database, workers
        self._programs = pgstac_programs()
        self._guard: Guarded | None = None
        self.url = ""
        """The landing page, without a slash at the end."""

    @property
    def login(self) -> Login:
        """The database beneath."""
        return self._postgres.login(self._database)

    @property
    def pypgstac(self) -> Path:
        """The bulk loader."""
        return self._programs / "pypgstac"

    @property
    def environment(self) -> dict[str, str]:
        """Environment for the loader and for the API."""
        login = self.login
        return {
            **os.environ,
            **login.variables,
            "POSTGRES_USER": login.user,
            "POSTGRES_PASS": login.password,
            "POSTGRES_HOST": login.host,
            "POSTGRES_HOST_READER": login.host,
            "POSTGRES_HOST_WRITER": login.host,
            "POSTGRES_PORT": str(login.port),
            "POSTGRES_DBNAME": login.database,
            "ENABLE_TRANSACTIONS_EXTENSIONS": "true",
        }

    def start(self) -> Self:
        """Install the schema, start the API and wait until it answers.

        Raises:
            ServerFailedError: It does not.
        """
        migrate = [str(self.pypgstac), "migrate"]
        done = subprocess.run(  # noqa: S603
            migrate, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise ServerFailedError(f"pypgstac migrate ended with {done.returncode}\n{done.stderr}")
        self._guard = self._serve()
        try:
            self._wait(self._guard)
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """Stop the API; the database stays."""
        if self._guard is not None:
            self._guard.stop()
            self._guard = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _serve(self) -> Guarded:
        folder = Path(tempfile.mkdtemp(prefix="eoflows-pgstac-"))
        app = ["stac_fastapi.pgstac.app:create_app", "--factory"]
        # A socket made here and handed over would answer 40 ms late: uvicorn takes it for a Unix socket.
        options = ["--host", HOST, "--port", "0", "--workers", str(self._workers), "--no-access-log"]
        return Guarded(
            [str(self._programs / "uvicorn"), *app, *options],
            log=folder / "log",
            remove=folder,
            environment=self.environment,
        )

    def _wait(self, guard: Guarded) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not (self.url and _answers(f"{self.url}/_mgmt/ping")):
            found = _ADDRESS.search(guard.output)
            self.url = found[0] if found else ""
            if guard.ended or time.monotonic() > deadline:
                raise ServerFailedError(f"stac-fastapi-pgstac did not start\n{guard.tail()}")
            time.sleep(0.1)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
