import os
from pathlib import Path

import pytest

from eoflows.deployments.environment import child_environment
from eoflows.deployments.errors import StateInUse
from eoflows.deployments.state import StateDirectory


@pytest.fixture
def state(tmp_path: Path) -> StateDirectory:
    return StateDirectory.at(tmp_path / "state")


def test_the_users_prefect_settings_do_not_get_through(state: StateDirectory, tmp_path: Path) -> None:
    own = {
        "PREFECT_API_KEY": "secret",
        "PREFECT_PROFILE": "work",
        "PYTHONPATH": "x",
        "LANG": "C",
        "PATH": "/bin",
    }
    environment = child_environment(state, "http://127.0.0.1:1/api", own)
    assert environment["LANG"] == "C"
    assert environment["PREFECT_API_URL"] == "http://127.0.0.1:1/api"
    assert not {"PREFECT_API_KEY", "PREFECT_PROFILE", "PYTHONPATH"} & set(environment)


def test_what_programs_write_stays_in_the_state_directory(state: StateDirectory, tmp_path: Path) -> None:
    environment = child_environment(state, None, {})
    for name in ("PREFECT_HOME", "PREFECT_PROFILES_PATH", "TMPDIR", "XDG_CACHE_HOME"):
        assert Path(environment[name]).is_relative_to(state.root)
    assert "PREFECT_API_URL" not in environment


def test_local_addresses_need_no_proxy(state: StateDirectory, tmp_path: Path) -> None:
    environment = child_environment(state, None, {"NO_PROXY": "intranet"})
    assert environment["NO_PROXY"] == "intranet,127.0.0.1,localhost"
    assert environment["no_proxy"] == "127.0.0.1,localhost"


def test_a_state_directory_in_use_is_refused(state: StateDirectory) -> None:
    taken = state.lock()
    with pytest.raises(StateInUse, match="is in use by process"):
        state.lock()
    os.close(taken)
    os.close(state.lock())
