"""The names that a library's user imports: each is there, typed, and loaded with its first use."""

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = ["dummy", "earth_engine", "geo_engine", "ogc_processes", "up42"]
PACKAGES = ["eoflows", "eoflows.jobs", *(f"eoflows.services.{name}" for name in SERVICES)]

each_package = pytest.mark.parametrize("name", PACKAGES)


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout


@each_package
def test_each_name_is_there_and_the_list_is_sorted(name: str) -> None:
    package = import_module(name)
    # As ruff sorts them: constants, classes, functions.
    assert package.__all__ == sorted(package.__all__, key=lambda one: (not one.isupper(), one.islower(), one))
    assert dir(package) == sorted(package.__all__)
    modules = [one for one in package.__all__ if isinstance(getattr(package, one), ModuleType)]
    assert modules == (["processing_templates"] if name.endswith("up42") else [])


@each_package
def test_a_name_that_is_not_there_is_said_to_be_absent(name: str) -> None:
    with pytest.raises(AttributeError, match=f"module '{re.escape(name)}' has no attribute 'no_such_name'"):
        import_module(name).no_such_name  # noqa: B018


@each_package
def test_no_name_is_also_a_module_that_would_take_its_place(name: str) -> None:
    package = import_module(name)
    modules = {path.stem for path in Path(str(package.__file__)).parent.iterdir()}
    assert modules & {*package.__all__} <= {"processing_templates"}


def test_importing_loads_nothing_else() -> None:
    found = run("import sys; before = set(sys.modules); import eoflows; print(*set(sys.modules) - before)")
    assert {one for one in found.split() if one.startswith("eoflows")} == {
        *("eoflows", "eoflows.base", "eoflows.base.extras", "eoflows.base.lazy")
    }
    assert not {"typing", "pydantic", "httpx", "prefect"} & {*found.split()}


def test_each_of_the_first_names_does_without_prefect_and_the_services() -> None:
    code = """
import json, sys, eoflows
before = [name for name in sys.modules if name.startswith("eoflows.")]
eoflows.Interval
interval = [name for name in sys.modules if name.startswith("eoflows.") and name not in before]
values = [getattr(eoflows, name) for name in eoflows.__all__]
forbidden = [name for name in sys.modules if name.startswith(("prefect", "eoflows.services."))]
print(json.dumps([interval, forbidden]))
"""
    interval, forbidden = json.loads(run(code))
    assert sorted(interval) == ["eoflows.base.errors", "eoflows.base.secrets", "eoflows.base.times"]
    assert forbidden == []
