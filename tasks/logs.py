"""Where tasks and flows say what they do."""

from logging import Logger, LoggerAdapter
from typing import Any

from prefect.exceptions import MissingContextError
from prefect.logging import get_logger, get_run_logger

__all__ = ["run_logger"]


def run_logger() -> Logger | LoggerAdapter[Any]:
    """Give the logger of the run; outside of one (a task's `.fn`, a notebook), one that leads to no run."""
    try:
        return get_run_logger()
    except MissingContextError:
        return get_logger(__name__)
