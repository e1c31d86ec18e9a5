"""The six verbs: a module each, with what every service has of it, loaded with its first use."""

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from prefect import Task

VERBS: dict[str, dict[str, set[str]]] = {
    "search": {
        "stac": {"search_task"},
        "ogc_processes": {"search_processes_task", "search_process_jobs_task"},
        "up42": {"search_up42_task"},
        "earth_engine": {"search_images_task"},
        "geo_engine": {"search_workflow_task"},
    },
    "stage": {"stac": {"aux_staging_task"}, "rs_server": {"staging_task"}},
    "submit": {
        "every": {"submit_task"},
        "up42": {"offers_task"},
        "earth_engine": {"plan_pre_ard_task", "submit_pre_ard_task"},
    },
    "track": {"every": {"track_task"}, "earth_engine": {"track_pre_ard_task"}},
    "download": {
        "every": {"collect_task"},
        "stac": {"aux_staging_task"},
        "earth_engine": {"download_pre_ard_task"},
        "geo_engine": {"download_raster_task", "plot_task"},
    },
    "stream": {"geo_engine": {"stream_raster_task", "stream_vector_task"}},
}
each_verb = pytest.mark.parametrize("verb", VERBS)


@each_verb
def test_a_verb_has_a_task_of_every_service_that_has_it(verb: str) -> None:
    face = import_module(f"eoflows.tasks.{verb}")
    for names in VERBS[verb].values():
        for name in names:
            assert name in face.__all__
            found = getattr(face, name)
            assert isinstance(found, Task), name
            assert found.description, name


@each_verb
def test_every_name_of_a_verb_is_there_and_the_rest_is_not(verb: str) -> None:
    face = import_module(f"eoflows.tasks.{verb}")
    assert [name for name in face.__all__ if getattr(face, name, None) is None] == []
    with pytest.raises(AttributeError, match="no_such_name"):
        face.no_such_name  # noqa: B018


@each_verb
def test_what_a_verb_says_of_itself_are_names_that_it_gives(verb: str) -> None:
    face = import_module(f"eoflows.tasks.{verb}")
    rows = [line for line in (face.__doc__ or "").splitlines() if line.startswith("| ")]
    told = {name for line in rows for name in re.findall(r"`(\w+_task)`", line)}
    tasks = {name for name in face.__all__ if name.endswith("_task")}
    assert tasks <= told
    assert told - tasks <= {"stream_vector_task"}


def test_importing_a_verb_loads_no_service() -> None:
    """What is loaded of a column is loaded with the first use of a name of it."""
    code = """
import json, sys
import prefect
loaded = {}
for verb in ("submit", "track", "download", "stream"):
    __import__(f"eoflows.tasks.{verb}")
    loaded[verb] = [one for one in sys.modules if one.startswith("eoflows.services")]
print(json.dumps(loaded))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == {"submit": [], "track": [], "download": [], "stream": []}


def test_the_page_of_words_names_the_verbs() -> None:
    page = (Path(__file__).parents[3] / "docs" / "words.md").read_text()
    assert re.findall(r"^\| (\w+) \| `eoflows\.tasks\.(\w+)` \|", page, flags=re.MULTILINE) == [
        (verb, verb) for verb in VERBS
    ]
