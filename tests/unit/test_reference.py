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
    # The other documents, some of whose names are the same, are looked at beside their services.
    row = r"^\| (\w+) \| ([\w.]+) \| (rs_server|s2gos_client) \|$"
    found = re.findall(row, TABLE.read_text(), re.MULTILINE)
    return {name: (path, service) for name, path, service in found}


def all_rows() -> list[tuple[str, str, str]]:
    return re.findall(r"^\| (\w+) \| ([\w.]+) \| (\w+) \|$", TABLE.read_text(), re.MULTILINE)


def test_every_line_of_the_table_is_a_row_of_a_document() -> None:
    lines = [line for line in TABLE.read_text().splitlines() if line.startswith("| ")][1:]
    assert len(all_rows()) == len(lines)
    documents = {"cedar_tracker", "geo_engine", "rs_server", "s2gos_client", "up42"}
    assert {document for _, _, document in all_rows()} == documents


@pytest.mark.parametrize(("name", "path", "document"), all_rows())
def test_every_row_leads_to_a_public_name(name: str, path: str, document: str) -> None:
    module, _, attribute = path.rpartition(".")
    found = importlib.import_module(module)
    assert attribute in found.__all__
    assert inspect.getdoc(getattr(getattr(found, attribute), "fn", getattr(found, attribute)))


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


S2GOS_CLIENT = {
    *("ApiError", "AsyncClient", "Capabilities", "Client", "ClientConfig", "ClientError", "ClientException"),
    *("ConformanceDeclaration", "JobInfo", "JobList", "JobResults", "ProcessDescription", "ProcessList"),
    "ProcessRequest",
}
# Each takes **kwargs for the transport; the value is what it returns.
CLIENT_CALLS: dict[str, tuple[list[str], str]] = {
    "get_capabilities": ([], "Capabilities"),
    "get_conformance": ([], "ConformanceDeclaration"),
    "get_processes": ([], "ProcessList"),
    "get_process": (["process_id"], "ProcessDescription"),
    "execute_process": (["process_id", "request"], "JobInfo"),
    "get_jobs": ([], "JobList"),
    "get_job": (["job_id"], "JobInfo"),
    "dismiss_job": (["job_id"], "JobInfo"),
    "get_job_results": (["job_id"], "JobResults"),
}


def test_every_name_of_the_client_has_a_row():
    assert {name for name, (_, service) in rows().items() if service == "s2gos_client"} == S2GOS_CLIENT


@pytest.mark.parametrize("name", sorted(S2GOS_CLIENT))
def test_each_of_the_client_is_public_and_described(name):
    module = importlib.import_module(rows()[name][0].rpartition(".")[0])
    assert name in module.__all__
    assert inspect.getdoc(imported(name))


@pytest.mark.parametrize("client", ["Client", "AsyncClient"])
def test_the_client_is_made_as_documented(client):
    own, *parameters = inspect.signature(imported(client).__init__).parameters.values()
    documented = ["config", "config_path", "server_url", "user_name", "access_token"]
    assert [one.name for one in parameters[:5]] == documented
    assert all(one.default is None for one in parameters[:5])
    assert all(one.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD for one in [own, *parameters[:5]])
    assert all(one.kind is inspect.Parameter.KEYWORD_ONLY for one in parameters[5:])
    assert all(one.default is not REQUIRED for one in parameters[5:])


@pytest.mark.parametrize("client", ["Client", "AsyncClient"])
@pytest.mark.parametrize("name", CLIENT_CALLS)
def test_the_calls_of_the_client(client, name):
    documented, gives = CLIENT_CALLS[name]
    call = getattr(imported(client), name)
    signature = inspect.signature(call)
    parameters = list(signature.parameters.values())[1:]
    assert [one.name for one in parameters[: len(documented)]] == documented
    assert all(one.default is REQUIRED for one in parameters[: len(documented)])
    *ours, transport = parameters[len(documented) :]
    assert (transport.name, transport.kind) == ("kwargs", inspect.Parameter.VAR_KEYWORD)
    assert all(one.kind is inspect.Parameter.KEYWORD_ONLY for one in ours)
    assert all(one.default is not REQUIRED for one in ours)
    assert signature.return_annotation is imported(gives)
    assert inspect.iscoroutinefunction(call) is (client == "AsyncClient")
    assert inspect.getdoc(call)


def test_the_configuration_and_the_error_of_the_client():
    assert list(imported("ClientConfig").model_fields)[:3] == ["user_name", "access_token", "server_url"]
    error = imported("ClientException")
    assert imported("ClientError") is error
    assert list(inspect.signature(error).parameters) == ["message", "api_error"]
    assert issubclass(error, importlib.import_module("eoflows.base.errors").EoError)
    for client in ("Client", "AsyncClient"):
        assert inspect.iscoroutinefunction(imported(client).close) is (client == "AsyncClient")
