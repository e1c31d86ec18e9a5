"""A private PostgreSQL on a free loopback port, with a data folder of its own, for tests and benchmarks."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from eoflows.deployments.databases.guard import Guarded
from eoflows.deployments.databases.install import postgres_programs

__all__ = ["Login", "PrivatePostgres", "ServerFailedError"]

START_SECONDS = 60.0
PORT_ATTEMPTS = 5
HOST = "127.0.0.1"
FORGETFUL = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}
"""Settings for data that need not outlive a crash of the machine; faster on a slow disk."""

_ACCOUNT = "postgres"
_USER = "eoflows"


class ServerFailedError(RuntimeError):
    """A private server did not start; the message has the end of its log."""


@dataclass(frozen=True)
class Login:
    """How to reach one database."""

    host: str
    port: int
    user: str
    password: str
    database: str

    @property
    def url(self) -> str:
        """As `postgresql://user:password@host:port/database`."""
        return f"postgresql://{self.user}:{self.password}@{self.host}:{self.port}/{self.database}"

    @property
    def variables(self) -> dict[str, str]:
        """As libpq's environment variables."""
        return {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
            "PGPASSWORD": self.password,
            "PGDATABASE": self.database,
        }


class PrivatePostgres:
    """A PostgreSQL server that ends with this process, also when this process is killed.

    Nobody else can log in: its password is made anew each time. As root, the server runs as the
    account `postgres`, which Debian's package makes.

    Args:
        settings: Server settings, like `{"max_connections": "50"}`; by default durability is given up
            for speed. `{}` keeps PostgreSQL's own.
        postgis: Whether PostGIS must be installed.

    Example:
        ```python
        with PrivatePostgres() as postgres:
            connect(postgres.login("ledger").url)
        ```
    """

    def __init__(self, settings: Mapping[str, str] = FORGETFUL, *, postgis: bool = False) -> None:
        self._settings = settings
        self._programs = postgres_programs(postgis=postgis)
        self._account = _ACCOUNT if os.geteuid() == 0 else None
        self._password = secrets.token_hex(16)
        self._guard: Guarded | None = None
        self._port = 0

    def start(self) -> Self:
        """Make an empty server and wait until it answers.

        Raises:
            ServerFailedError: It does not.
        """
        for remaining in reversed(range(PORT_ATTEMPTS)):
            self._port = _free_port()
            try:
                self._start()
            except ServerFailedError as error:
                if remaining == 0 or "in use" not in str(error):
                    raise
            else:
                break
        return self

    def stop(self) -> None:
        """Stop it and remove its data."""
        if self._guard is not None:
            self._guard.stop()
            self._guard = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The server's first database, as `postgresql://...`."""
        return self.login().url

    def login(self, database: str = "postgres") -> Login:
        """Say how to reach a database; it is created if absent."""
        login = Login(HOST, self._port, _USER, self._password, database)
        if database != "postgres":
            there = self._sql(f"SELECT 1 FROM pg_database WHERE datname = '{database}'")  # noqa: S608
            if not there:
                self._sql(f'CREATE DATABASE "{database}"')
        return login

    def _sql(self, statement: str) -> str:
        command = [str(self._programs / "psql"), "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-c", statement]
        return self._run(command, {**os.environ, **self.login().variables}).strip()

    def _start(self) -> None:
        folder = Path(tempfile.mkdtemp(prefix="eoflows-postgres-"))
        try:
            data = self._initialise(folder)
        except BaseException:
            shutil.rmtree(folder)
            raise
        options = {"listen_addresses": HOST, "port": str(self._port), "unix_socket_directories": ""}
        command = [str(self._programs / "postgres"), "-D", str(data)]
        for name, value in {**options, **self._settings}.items():
            command += ["-c", f"{name}={value}"]
        self._guard = Guarded(
            command,
            log=folder / "log",
            remove=folder,
            # A fast shutdown; SIGTERM would wait until all clients have gone.
            stop=signal.SIGINT,
            user=self._account,
            environment={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C.UTF-8"},
        )
        try:
            self._wait(self._guard)
        except BaseException:
            self.stop()
            raise

    def _initialise(self, folder: Path) -> Path:
        data, password = folder / "data", folder / "password"
        password.write_text(self._password)
        if self._account:
            account = pwd.getpwnam(self._account)
            for path in (folder, password):
                os.chown(path, account.pw_uid, account.pw_gid)
        locale = ["--encoding=UTF8", "--locale=C.UTF-8", "--auth=scram-sha-256"]
        files = [f"--pgdata={data}", f"--pwfile={password}", f"--username={_USER}"]
        self._run([str(self._programs / "initdb"), "--no-sync", *locale, *files], None, self._account)
        password.unlink()
        return data

    def _wait(self, guard: Guarded) -> None:
        deadline = time.monotonic() + START_SECONDS
        probe = [str(self._programs / "pg_isready"), "-q", "-h", HOST, "-p", str(self._port)]
        while subprocess.run(probe, check=False).returncode:  # noqa: S603
            if guard.ended or time.monotonic() > deadline:
                raise ServerFailedError(f"PostgreSQL did not start on port {self._port}\n{guard.tail()}")
            time.sleep(0.05)
        # Another server that took the port first does not know our password.
        self._sql("SELECT 1")

    def _run(
        self, command: list[str], environment: Mapping[str, str] | None, account: str | None = None
    ) -> str:
        done = subprocess.run(  # noqa: S603
            command,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
            user=account,
            group=account,
            extra_groups=[] if account else None,
        )
        if done.returncode:
            raise ServerFailedError(f"{command[0]} ended with {done.returncode}\n{done.stderr}")
        return done.stdout


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
