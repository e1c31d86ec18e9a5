"""What holds for every test."""

import os
import signal
import tempfile

import pytest
from hypothesis import settings

# A machine that has much to do is no fault of what is tested.
settings.register_profile("eoflows", deadline=None)
settings.load_profile("eoflows")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A background job of a shell begins like this, and hands it on to all that the tests start and interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# Before anything imports Prefect: without these it would make a .prefect in the user's home.
os.environ["PREFECT_HOME"] = tempfile.mkdtemp(prefix="eoflows-prefect-")
os.environ.setdefault("DO_NOT_TRACK", "1")


@pytest.fixture
def anyio_backend() -> str:
    """Async tests run on asyncio, as Prefect does."""
    return "asyncio"
