"""The names of the reference documents, as data typed from them, against those that we give."""

import importlib
import inspect
import re
from pathlib import Path
from typing import Any

import pytest
from prefect import Flow, Task

TABLE = Path(__file__).parents[2] / "docs" / "reference.md"
REQUIRED = inspect.Parameter.empty

SIGNATURES: dict[str, dict[str, Any]] = {
    "aux_staging": {
        "env": REQUIRED,
        "cql2_filter": REQUIRED,
        "catalog_collection_identifier": REQUIRED,
        "timeout_seconds": -1,
        "source": "auxip",
        "selected_assets": None,
    },
    # The document writes (*args, **kwargs) and "See: aux_staging".
    "aux_staging_task": {
        "env": REQUIRED,
        "cql2_filter": REQUIRED,
        "catalog_collection_identifier": REQUIRED,
        "timeout_seconds": -1,
        "source": "auxip",
        "selected_assets": None,
    },
    # The document names only the task, with (*args, **kwargs); the parameters are those of its source.
    "aux_unzip_decompress": {"stac_item": REQUIRED, "use_extension": False},
    "aux_unzip_decompress_task": {"stac_item": REQUIRED, "use_extension": False},
    "on_demand_aux_staging": {
        "env": REQUIRED,
        "start_datetime": REQUIRED,
        "end_datetime": REQUIRED,
        "product_type": REQUIRED,
        "catalog_collection_identifier": REQUIRED,
    },
    "search": {"env": REQUIRED, "aux_cql2": REQUIRED, "error_if_empty": False, "source": "auxip"},
    # The document writes (*args, **kwargs) and "See: search".
    "search_task": {"env": REQUIRED, "aux_cql2": REQUIRED, "error_if_empty": False, "source": "auxip"},
    "select_search_client_and_kwargs": {"flow_env": REQUIRED, "source": REQUIRED},
}
KINDS = {
    "aux_staging": Flow,
    "aux_staging_task": Task,
    "aux_unzip_decompress_task": Task,
    "on_demand_aux_staging": Flow,
    "search": Flow,
    "search_task": Task,
}
RS_SERVER = {*SIGNATURES, "FlowEnvArgs", "AuxiliarySource"}


def rows() -> dict[str, tuple[str, str]]:
    found = re.findall(r"^\| (\w+) \| ([\w.]+) \| (\w+) \|$", TABLE.read_text(), re.MULTILINE)
    return {name: (path, service) for name, path, service in found}


def imported(name: str) -> Any:
    module, _, attribute = rows()[name][0].rpartition(".")
    return getattr(importlib.import_module(module), attribute)


def test_every_documented_name_has_a_row():
    assert {name for name, (_, service) in rows().items() if service == "rs_server"} == RS_SERVER


@pytest.mark.parametrize("name", SIGNATURES)
def test_parameters_defaults_and_order(name):
    found = imported(name)
    function = getattr(found, "fn", found)
    parameters = list(inspect.signature(function).parameters.values())
    documented = SIGNATURES[name]
    ours = parameters[len(documented) :]
    assert {one.name: one.default for one in parameters[: len(documented)]} == documented
    assert [one.name for one in parameters[: len(documented)]] == list(documented)
    assert all(one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for one in parameters[: len(documented)])
    assert all(one.kind is inspect.Parameter.KEYWORD_ONLY for one in ours)
    assert all(one.default is not REQUIRED for one in ours)


@pytest.mark.parametrize("name", KINDS)
def test_flows_and_tasks_are_what_the_document_calls_them(name):
    found = imported(name)
    assert isinstance(found, KINDS[name])
    assert inspect.iscoroutinefunction(found.fn)


@pytest.mark.parametrize("name", sorted(RS_SERVER))
def test_each_is_public_and_described(name):
    found = imported(name)
    module = importlib.import_module(rows()[name][0].rpartition(".")[0])
    assert name in module.__all__
    assert inspect.getdoc(getattr(found, "fn", found))


def test_the_environment_of_a_flow():
    fields = imported("FlowEnvArgs").model_fields
    documented = {"owner_id": None, "calling_span": None, "service_name": "rs.workflows"}
    assert list(fields)[: len(documented)] == list(documented)
    assert fields["owner_id"].is_required()
    assert {name: fields[name].default for name in list(documented)[1:]} == {
        name: default for name, default in documented.items() if name != "owner_id"
    }
    assert all(not field.is_required() for name, field in fields.items() if name != "owner_id")


def test_the_sources():
    expected = {"auxip", "cadip", "prip", "cdse", "earthdatahub", "catalog", "lta"}
    assert {source.value for source in imported("AuxiliarySource")} == expected
