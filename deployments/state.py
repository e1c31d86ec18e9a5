"""The state directory of a stack: what lies where in it, and that only one runner uses it at a time."""

import fcntl
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import certifi

from eoflows.deployments.errors import StateInUse

HANDOVER_SECONDS = 20.0
"""How long a killed runner's watchdog may take to end what it left."""

POLL_SECONDS = 0.1


@dataclass(frozen=True)
class StateDirectory:
    """The places of one private installation."""

    root: Path
    """Absolute, without symbolic links: it marks the stack's processes."""

    @classmethod
    def at(cls, path: Path) -> "StateDirectory":
        """Make the directory and the parts that programs expect to exist."""
        path.mkdir(parents=True, exist_ok=True)
        state = cls(path.resolve())
        for part in (state.prefect_home, state.logs, state.temporary, state.cache, state.storage):
            part.mkdir(exist_ok=True)
        # The server answers plain HTTP, yet Prefect reads all authorities for each client it makes: 40 ms.
        first, end, _ = Path(certifi.where()).read_text().partition("-----END CERTIFICATE-----")
        state.authorities.write_text(f"{first}{end}\n")
        return state

    @property
    def prefect_home(self) -> Path:
        """Prefect's profiles, database and results."""
        return self.root / "prefect"

    @property
    def authorities(self) -> Path:
        """A list of one certificate authority, for Prefect's own clients."""
        return self.root / "authorities.pem"

    @property
    def logs(self) -> Path:
        """One file for each service, begun anew at each start."""
        return self.root / "logs"

    @property
    def temporary(self) -> Path:
        """TMPDIR of every process of the stack; emptied at each start."""
        return self.root / "tmp"

    @property
    def cache(self) -> Path:
        """XDG_CACHE_HOME of every process of the stack."""
        return self.root / "cache"

    @property
    def ui(self) -> Path:
        """What Prefect's server serves as its pages: its own, and the pictures of our blocks."""
        return self.root / "ui"

    @property
    def storage(self) -> Path:
        """Staged files."""
        return self.root / "storage"

    @property
    def catalog(self) -> Path:
        """The local catalogue's database."""
        return self.root / "catalog.sqlite"

    def ready_file(self, service: str) -> Path:
        """Where a service says that it is ready."""
        return self.root / f"{service}.ready.json"

    @property
    def lease_lock(self) -> Path:
        """What the server holds while it writes leases. It names a process by its number."""
        return self.prefect_home / "concurrency_leases" / "expirations.lock"

    def forget_the_killed(self) -> None:
        """Remove what killed processes left that would harm the next ones."""
        shutil.rmtree(self.temporary)
        self.temporary.mkdir()
        self.lease_lock.unlink(missing_ok=True)

    def lock(self) -> int:
        """Take the directory for this process.

        Returns:
            The open lock file: the lock lasts until every process that holds it has closed it.

        Raises:
            StateInUse: Another runner has it.
        """
        descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            _take(descriptor, self.root)
        except BaseException:
            os.close(descriptor)
            raise
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        return descriptor


def _take(descriptor: int, root: Path) -> None:
    deadline = time.monotonic() + HANDOVER_SECONDS
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 32, 0).decode().strip()
            # A dead owner's watchdog keeps the lock while it ends the processes: it is free in a moment.
            if (owner and _alive(int(owner))) or time.monotonic() > deadline:
                message = (
                    f"{root} is in use by process {owner}: stop that one, or name another state directory"
                )
                raise StateInUse(message) from None
            time.sleep(POLL_SECONDS)
        else:
            return


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
