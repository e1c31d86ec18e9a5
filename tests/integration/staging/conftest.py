from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from staging_workshop import opened_workshop


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def workshop(tmp_path: Path) -> Callable[..., Any]:
    """Opens a workshop in the test's folder, against a sandbox."""
    return partial(opened_workshop, tmp_path)
