"""The private PostgreSQL answers, is private, and never outlives the process that started it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from eoflows.deployments.databases.postgres import PrivatePostgres

pytestmark = pytest.mark.services
OWNER = """
import sys
from eoflows.deployments.databases.postgres import PrivatePostgres
with PrivatePostgres() as server:
    print(server.url, server._guard._log.parent, flush=True)
    sys.stdin.read()
"""


def test_a_database_of_its_own(postgres: PrivatePostgres) -> None:
    login = postgres.login("ledger")
    assert login.url.startswith("postgresql://eoflows:")
    assert login.url.endswith(f"@127.0.0.1:{login.port}/ledger")
    assert postgres.login("ledger") == login
    assert _select(login.variables) == "ledger"


def test_nobody_else_can_log_in(postgres: PrivatePostgres) -> None:
    wrong = postgres.login().variables | {"PGPASSWORD": "guess"}
    with pytest.raises(subprocess.CalledProcessError):
        _select(wrong)


@pytest.mark.parametrize("ending", ["kill", "exit"])
def test_it_ends_with_its_owner(ending: str) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert owner.stdin is not None
    assert owner.stdout is not None
    _, folder = owner.stdout.readline().split()
    process = int(Path(folder, "data", "postmaster.pid").read_text().splitlines()[0])
    if ending == "kill":
        owner.send_signal(signal.SIGKILL)
    owner.communicate()
    deadline = time.monotonic() + 30
    while Path(folder).exists() or _lives(process):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def _select(variables: dict[str, str]) -> str:
    from eoflows.deployments.databases.install import postgres_programs

    command = [str(postgres_programs() / "psql"), "-X", "-A", "-t", "-c", "SELECT current_database()"]
    environment = {"PATH": os.environ["PATH"], **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()
