"""The names of the reference document, as data typed from it, against those that we give."""

import importlib
import inspect
import re
from datetime import datetime
from pathlib import Path
from typing import get_type_hints

import pystac
import pytest

import eoflows.services.up42
from eoflows.services.up42 import (
    Cost,
    Job,
    JobMetadata,
    JobResults,
    JobSorting,
    JobStatus,
    JobTemplate,
    MultiItemJobTemplate,
    SingleItemJobTemplate,
    SortingField,
    UnfinishedJob,
    ValidationError,
    initialize_asset,
    processing_templates,
)
from eoflows.services.up42.job_templates import class_of
from eoflows.services.up42.templates import NAMED, row_of

TABLE = Path(__file__).parents[3] / "docs" / "reference.md"
DOCUMENTED = {
    *("Cost", "DetectionTreesSpacept", "Job", "JobMetadata", "JobResults", "JobSorting", "JobStatus"),
    *(
        "JobTemplate",
        "MultiItemJobTemplate",
        "SingleItemJobTemplate",
        "SortingField",
        "UnfinishedJob",
        "ValidationError",
    ),
    *("initialize_asset", "processing_templates"),
}
NEEDED = inspect.Parameter.empty
CALLS = [
    (Job.track, {"wait": 60, "retries": 60 * 24 * 3}),
    (Job.collection, {}),
    (JobTemplate.execute, {}),
    (initialize_asset, {"asset_id": NEEDED}),
    # The document calls it `job_id` in its table and `id` in its examples, so neither is needed by itself.
    (Job.get, {"job_id": None}),
    (
        Job.all,
        dict.fromkeys(
            ["process_id", "workspace_id", "status", "min_duration", "max_duration", "sort_by"], None
        ),
    ),
]


def rows():
    return dict(re.findall(r"^\| (\w+) \| ([\w.]+) \| up42 \|$", TABLE.read_text(), re.MULTILINE))


def test_every_documented_name_has_a_row():
    assert rows().keys() == DOCUMENTED


@pytest.mark.parametrize("name", sorted(DOCUMENTED))
def test_each_is_public_and_described(name):
    module, _, attribute = rows()[name].rpartition(".")
    found = importlib.import_module(module)
    assert attribute in found.__all__
    assert inspect.getdoc(getattr(found, attribute))


@pytest.mark.parametrize(("call", "documented"), CALLS)
def test_parameters_defaults_and_order(call, documented):
    parameters = [one for one in inspect.signature(call).parameters.values() if one.name != "self"]
    theirs, ours = parameters[: len(documented)], parameters[len(documented) :]
    assert {one.name: one.default for one in theirs} == documented
    assert [one.name for one in theirs] == list(documented)
    assert all(one.kind is inspect.Parameter.KEYWORD_ONLY and one.default is not NEEDED for one in ours)


@pytest.mark.parametrize(
    ("model", "fields"),
    [
        (ValidationError, ["message", "name"]),
        (Cost, ["strategy", "credits", "size", "unit"]),
        (
            Job,
            [
                *("process_id", "id", "account_id", "workspace_id", "definition", "status", "created"),
                *("updated", "collection_url", "errors", "credits", "started", "finished"),
            ],
        ),
        (SingleItemJobTemplate, ["title", "item"]),
        (MultiItemJobTemplate, ["title", "items"]),
    ],
)
def test_data_classes(model, fields):
    parameters = list(inspect.signature(model).parameters.values())
    assert [one.name for one in parameters if one.kind is not inspect.Parameter.KEYWORD_ONLY] == fields


def test_dictionaries():
    assert list(get_type_hints(JobResults)) == ["collection", "errors"]
    assert list(get_type_hints(JobMetadata)) == [
        *("processID", "jobID", "accountID", "workspaceID", "definition", "results", "creditConsumption"),
        *("status", "created", "started", "finished", "updated"),
    ]


def test_sorting_fields_and_the_exception():
    fields = [JobSorting.process_id, JobSorting.status, JobSorting.created, JobSorting.credits]
    assert all(isinstance(one, SortingField) for one in fields)
    assert [one.ascending for one in fields] == [True, False, False, False]
    assert issubclass(UnfinishedJob, Exception)


def test_what_templates_have():
    assert "process_id" in JobTemplate.__annotations__
    assert {"workspace_id", "errors", "is_valid", "execute", "cost"} <= {*dir(JobTemplate), "errors"}
    assert issubclass(processing_templates.DetectionTreesSpacept, SingleItemJobTemplate)
    assert get_type_hints(SingleItemJobTemplate)["item"] is pystac.Item
    assert get_type_hints(Job)["created"] is datetime
    assert get_type_hints(Job)["status"] == JobStatus | str


def test_the_public_surface_is_sorted():
    for module in (eoflows.services.up42, processing_templates):
        assert module.__all__ == sorted(module.__all__, key=lambda name: (not name.isupper(), name))
        assert all(hasattr(module, name) for name in module.__all__)
    assert set(NAMED) <= set(processing_templates.__all__)


def described(**inputs):
    return {"id": "new-process", "inputs": inputs}


def test_any_process_becomes_a_class():
    text = {"schema": {"type": "string"}}
    listed = {"minOccurs": 0, "schema": {"type": "array", "default": [1]}}
    row = row_of(
        described(
            cost=text, **{"class": text, "two words": text, "3d": text, "twoWords": text, "bands": listed}
        ),
        reserved={"cost"},
    )
    assert {one.attribute: one.name for one in row.inputs} == {
        "cost_": "cost",
        "class_": "class",
        "two_words": "two words",
        "input_3d": "3d",
        "two_words_": "twoWords",
        "bands": "bands",
    }
    made = class_of(row)
    parameters = inspect.signature(made).parameters
    assert list(parameters)[:6] == [one.attribute for one in row.inputs]
    assert (made.process_id, issubclass(made, JobTemplate)) == ("new-process", True)
