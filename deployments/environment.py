"""The environment of a stack's processes: the user's own, without what leads out of the state directory."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from eoflows.deployments.lifetime import MARKER
from eoflows.deployments.state import StateDirectory

_DROPPED = ("PREFECT_", "PYTHONHOME", "PYTHONPATH", "PYTHONWARNINGS", "VIRTUAL_ENV")
_HERE = "127.0.0.1,localhost"

_PREFECT = {
    "PREFECT_CLI_PROMPT": "false",
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    # In memory, the default, a restart forgets who holds a slot: it stays taken, and working runs crash.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    # The default of ten seconds is the larger part of the time before a run starts.
    "PREFECT_WORKER_QUERY_SECONDS": "1",
}


def child_environment(
    state: StateDirectory, api_url: str | None, inherited: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Return the whole environment of a process of the stack.

    Args:
        state: Where the processes keep what they write.
        api_url: The private Prefect server; None for programs that need none.
        inherited: The environment to start from; this process's own by default.
    """
    own = os.environ if inherited is None else inherited
    kept = {name: value for name, value in own.items() if not name.startswith(_DROPPED)}
    binaries = Path(sys.executable).parent
    server = {} if api_url is None else {"PREFECT_API_URL": api_url}
    return (
        kept
        | _PREFECT
        | server
        | {
            "DO_NOT_TRACK": "1",
            "EOFLOWS_STATE_DIR": str(state.root),
            MARKER: str(state.root),
            "NO_PROXY": _without_proxy(own, "NO_PROXY"),
            "PATH": os.pathsep.join([str(binaries), own.get("PATH", os.defpath)]),
            "PREFECT_HOME": str(state.prefect_home),
            "PREFECT_API_SSL_CERT_FILE": str(state.authorities),
            "PREFECT_UI_STATIC_DIRECTORY": str(state.ui),
            "PREFECT_PROFILES_PATH": str(state.prefect_home / "profiles.toml"),
            # Nothing is imported from where a process happens to run.
            "PYTHONSAFEPATH": "1",
            "PYTHONUNBUFFERED": "1",
            "TMPDIR": str(state.temporary),
            "XDG_CACHE_HOME": str(state.cache),
            "no_proxy": _without_proxy(own, "no_proxy"),
        }
    )


def _without_proxy(environment: Mapping[str, str], name: str) -> str:
    given = environment.get(name, "")
    return f"{given},{_HERE}" if given else _HERE
