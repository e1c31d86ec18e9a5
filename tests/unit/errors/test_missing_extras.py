"""Whoever lacks a library is told which extra of ours brings it; nobody else notices that we tell."""

import importlib.util
import tomllib
from pathlib import Path

import pytest

from eoflows.base.errors import MissingExtraError
from eoflows.base.extras import _EXTRAS

PROJECT = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]


@pytest.mark.parametrize(
    "code",
    [
        "import no_such_library",
        "import no_such_library.part",
        "from no_such_library import part",
        "from importlib import import_module; import_module('no_such_library')",
        "import xml.no_such_library",
    ],
)
def test_our_own_import_names_the_extra(code: str) -> None:
    with pytest.raises(
        MissingExtraError, match=r"is not installed: pip install 'eoflows\[geo-engine\]'$"
    ) as told:
        exec(code, {"__name__": "eoflows.services.geo_engine.trial"})
    assert told.value.name in {"no_such_library", "xml.no_such_library"}


@pytest.mark.parametrize(
    "importer", ["somebody", "eoflows.base.trial", "eoflows.services.geo_engines", "__main__"]
)
def test_any_other_import_fails_as_ever(importer: str) -> None:
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'no_such_library'$") as told:
        exec("import no_such_library", {"__name__": importer})
    assert not isinstance(told.value, MissingExtraError)


def test_a_module_of_ours_that_is_not_there_is_no_extra() -> None:
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'eoflows\.no_such_room'$"):
        exec("import eoflows.no_such_room", {"__name__": "eoflows.services.geo_engine"})


def test_one_may_look_whether_a_module_is_there() -> None:
    found = {"__name__": "eoflows.services.geo_engine", "util": importlib.util}
    exec("found = util.find_spec('no_such_library')", found)
    assert found["found"] is None


def test_each_extra_that_is_named_exists() -> None:
    assert set(_EXTRAS.values()) <= set(PROJECT["optional-dependencies"])


def test_all_brings_all() -> None:
    extras = PROJECT["optional-dependencies"]
    [every] = extras["all"]
    assert set(every.removeprefix("eoflows[").removesuffix("]").split(",")) == set(extras) - {"all"}
