"""A Prefect server for flows in this process, which begins with a copy of a migrated database."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from eoflows.deployments.prefect_database import cache_directory, new_database
from eoflows.deployments.state import StateDirectory

_SERVER_SECONDS = 120


@contextmanager
def own_prefect_server(folder: Path) -> Iterator[None]:
    """Serve from `folder`, which must be absent, until the end; then it is removed."""
    from prefect import settings
    from prefect.testing import utilities  # Loads the whole server: seconds.

    state = StateDirectory.at(folder)
    new_database(state.root / "prefect-test.db", cache_directory())
    quick = {settings.PREFECT_API_SSL_CERT_FILE: str(state.authorities)}
    with pytest.MonkeyPatch.context() as patch, settings.temporary_settings(quick):
        patch.setenv("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
        patch.setattr(utilities, "mkdtemp", lambda: str(folder))
        with utilities.prefect_test_harness(server_startup_timeout=_SERVER_SECONDS):
            yield
