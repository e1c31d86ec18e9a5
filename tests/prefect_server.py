"""A Prefect server for flows in this process, which begins with a copy of a migrated database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eoflows.deployments.prefect_database import cache_directory, new_database

_SERVER_SECONDS = 120


@contextmanager
def own_prefect_server(folder: Path) -> Iterator[None]:
    """Serve from `folder`, which must be absent, until the end; then it is removed."""
    from prefect.testing import utilities  # Loads the whole server: seconds.

    folder.mkdir()
    new_database(folder / "prefect-test.db", cache_directory())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        patch.setattr(utilities, "mkdtemp", lambda: str(folder))
        with utilities.prefect_test_harness(server_startup_timeout=_SERVER_SECONDS):
            yield
