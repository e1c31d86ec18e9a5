"""Runs of the shared installation."""

from collections.abc import Iterator

import pytest
from runs import Runs
from shared_stack import SharedStack


@pytest.fixture
def runs(stack: SharedStack) -> Iterator[Runs]:
    """Start and follow runs as the UI does."""
    with Runs(stack.api) as runs:
        yield runs
