"""`eoflows demo` and `eoflows up`: a local installation that ends with its command."""

import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter

from eoflows.deployments import demo as local
from eoflows.deployments.errors import StackError
from eoflows.deployments.interruption import run_until_stopped

__all__ = ["demo", "up"]

STATE = Path(".eoflows/demo")
_Hidden = Annotated[bool, Parameter(show=False, negative="")]


def demo(*, state: Path = STATE, follow_parent: _Hidden = False) -> int:
    """Run the main job on a sandbox and show what was staged.

    Args:
        state: Folder for all that is written; made if absent, and kept.
        follow_parent: Stop when the parent process ends, as `make` does after a kill -9.
    """
    return _run(local.demo, state, follow_parent)


def up(*, state: Path = STATE, follow_parent: _Hidden = False) -> int:
    """Run the main job on a sandbox, and keep Prefect's UI and the catalogue open until Ctrl-C.

    Args:
        state: Folder for all that is written; made if absent, and kept.
        follow_parent: Stop when the parent process ends, as `make` does after a kill -9.
    """
    return _run(local.up, state, follow_parent)


def _run(program: Callable[[Path], Coroutine[Any, Any, int]], state: Path, follow_parent: bool) -> int:
    try:
        return run_until_stopped(program(state), follow_parent=follow_parent)
    except StackError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
