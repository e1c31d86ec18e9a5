"""The pages of flows agree with the flows: parameters, outcomes, artifacts, examples."""

import ast
import inspect
import json
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools.validation import validate

from eoflows.deployments.flow_pages import deployed_flows, differing, page_of, parameter_table, with_table
from eoflows.jobs.ledger import ApprovalState
from eoflows.products.staging.verdict import Ending

ROOT = Path(__file__).parents[2]
PAGES = sorted((ROOT / "docs" / "flows").glob("[!R]*.md"))
WITH_COMMANDS = [
    page
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    if "prefect deployment run" in page.read_text()
]

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)

BY_PREFECT = {"Failed", "Cancelled", "Suspended"}
"""States that no line of ours names."""
NEVER = {
    "staging": {"Planned"},
    "download-raster": {"NothingFound"},
    "plot-workflow": {"NothingFound"},
    "run-process": {"Partial"},
    "save-dataset": {"Partial"},
    "order-pre-ard": {"NothingOpen"},
    "clean-pre-ard": {"Partial", "StillRunning"},
}
"""States that a shared function can give, and this flow never asks it for."""


def test_every_deployed_flow_has_a_page_and_every_page_a_flow() -> None:
    assert [name for name in deployed_flows() if not page_of(name).exists()] == []
    assert {page.stem for page in PAGES} - set(deployed_flows()) == set()


def test_the_index_names_every_flow() -> None:
    index = (ROOT / "docs" / "flows" / "README.md").read_text()
    pages = {(index_page, page_of(name)) for name, index_page in _linked(index).items()}
    assert [pair for pair in pages if pair[0] != pair[1]] == []
    assert set(_linked(index)) == set(deployed_flows())


def _linked(index: str) -> dict[str, Path]:
    rows = re.findall(r"^- \[([a-z0-9-]+)\]\(([\w./-]+)\): \S", index, flags=re.MULTILINE)
    return {name: (ROOT / "docs" / "flows" / link).resolve() for name, link in rows}


def test_the_tables_of_parameters_are_those_of_the_flows() -> None:
    assert list(differing()) == [], "run python -m eoflows.deployments.flow_pages --write"


@each_page
def test_each_page_has_its_table_and_its_sections(page: Path) -> None:
    text = page.read_text()
    assert parameter_table(deployed_flows()[page.stem]) in text
    assert re.findall(r"^## (.*)", text, flags=re.MULTILINE) == [
        *("Parameters", "Outcomes", "Artifacts", "Run again", "Example")
    ]


def test_a_table_has_what_the_form_shows() -> None:
    flow = deployed_flows()["set-budget"]
    assert parameter_table(flow).splitlines()[2:5] == [
        "| `name` | text | required | Name of the budget. |",
        "| `credits` | integer, 0 or more | required | Limit of the budget. |",
        "| `period` | nothing, `day`, `month` or `year` | empty "
        "| When it begins anew, at midnight UTC; empty: one limit for ever. |",
    ]
    assert with_table("by hand", flow) == "by hand"


@each_page
def test_outcomes_are_those_that_the_flow_can_end_in(page: Path) -> None:
    told = set(re.findall(r"^\| `(\w+)` \|", _section(page, "Outcomes"), flags=re.MULTILINE))
    possible = _states(deployed_flows()[page.stem].fn) - NEVER.get(page.stem, set())
    assert told >= possible
    assert told - possible <= BY_PREFECT


def _section(page: Path, title: str) -> str:
    return page.read_text().partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def _states(function: Any) -> set[str]:
    """Names of the states that a function can return, by what it, and what it hands over to, is made of."""
    return _named(function) if _gives_states(function) else {"Completed"}


def _gives_states(value: Any) -> bool:
    if not inspect.isfunction(value):
        return False
    gives = str(inspect.signature(value).return_annotation)
    return "State[" in gives or "Outcome[" in gives


def _named(function: Any) -> set[str]:
    found = set[str]()
    for node in ast.walk(ast.parse(inspect.cleandoc("\n" + inspect.getsource(function)))):
        match node:
            case ast.Call(func=ast.Name(id="Outcome"), keywords=given):
                found |= set() if any(one.arg == "name" for one in given) else {"Completed"}
            case ast.Call(func=ast.Attribute(attr="of_many"), keywords=given):
                usual = {"Completed", "Partial", "Failed"}
                found |= set() if any(one.arg == "names" for one in given) else usual
            case ast.Constant(value=str(text)) if re.fullmatch(r"(?:[A-Z][a-z]+)+", text):
                found.add(text)
            case ast.Name(id=name) if isinstance(names := function.__globals__.get(name), dict):
                found |= {one for one in names.values() if isinstance(one, str)}
            case ast.Name(id=name) if _gives_states(function.__globals__.get(name)):
                found |= _named(function.__globals__[name])
            case ast.Attribute(attr="ending"):
                found |= set(Ending)
            case ast.Attribute(value=ast.Name(id=owner), attr="name"):
                own = getattr(inspect.get_annotations(function).get(owner), "name", None)
                found |= _named(own.fget) if isinstance(own, property) else set()
            case ast.Attribute(attr="title"):
                found |= {state.title() for state in (ApprovalState.REJECTED, ApprovalState.EXPIRED)}
    return found


@each_page
def test_artifacts_have_keys_that_the_code_writes(page: Path) -> None:
    said = re.findall(r"`([a-z0-9]+(?:-[a-z0-9]+)*(?:-<name>)?)`", _section(page, "Artifacts"))
    keys = {key.removesuffix("-<name>") for key in said} - set(
        deployed_flows()[page.stem].parameters.properties
    )
    words = {"complete", "partial", "missing", "direct"}
    assert {key for key in keys - words - set(deployed_flows()) if not _written(key)} == set()


def _written(key: str) -> bool:
    whole, endings = _texts()
    return key in whole or any(key.removesuffix(end) in whole for end in endings if key.endswith(end))


@cache
def _texts() -> tuple[set[str], set[str]]:
    """Texts in tasks and flows, and what f-strings end with."""
    trees = [
        ast.parse(path.read_text()) for room in ("tasks", "flows") for path in (ROOT / room).glob("*.py")
    ]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    whole = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    lasts = [node.values[-1] for node in nodes if isinstance(node, ast.JoinedStr) and node.values]
    ends = {str(last.value) for last in lasts if isinstance(last, ast.Constant)}
    calls = [node for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)]
    ends |= {f"-{ast.literal_eval(call.args[0])}" for call in calls if call.func.id == "Link"}
    return whole, {end for end in ends if re.fullmatch(r"-[a-z]+", end)}


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_have_parameters_that_their_deployments_take(page: Path) -> None:
    known = _deployments()
    for name, given in _commands(page.read_text()):
        flow = deployed_flows()[name.partition("/")[0]]
        parameters = {**known[name], **given}
        assert set(given) <= set(flow.parameters.properties), name
        flow.validate_parameters(parameters)
        schema = parameter_schema(flow).model_dump_for_openapi()
        validate(parameters, schema, raise_on_error=True, preprocess=False)


@each_page
def test_each_page_has_an_example_of_its_own(page: Path) -> None:
    names = [name for name, _ in _commands(page.read_text())]
    assert [name for name in names if name == f"{page.stem}/default"]
    assert f"`default` under `{page.stem}`" in page.read_text()


@cache
def _deployments() -> dict[str, dict[str, Any]]:
    """Parameters of each deployment, by `flow/deployment`."""
    entrypoints = {_entrypoint(flow): name for name, flow in deployed_flows().items()}
    listed = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    return {f"{entrypoints[one['entrypoint']]}/{one['name']}": one.get("parameters", {}) for one in listed}


def _entrypoint(flow: Any) -> str:
    return f"{flow.fn.__module__}.{flow.fn.__name__}"


def _commands(text: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """The runs that a page shows, with their parameters read as Prefect's command line reads them."""
    for block in re.findall(r"^```\n(.*?)^```", text, flags=re.DOTALL | re.MULTILINE):
        lines = block.replace("\\\n", " ").splitlines()
        for number, line in enumerate(lines):
            if re.match(r"(\$ )?prefect deployment run ", line):
                words = _words(lines[number:])
                given = [words[at + 1] for at, word in enumerate(words) if word in ("-p", "--param")]
                yield words[words.index("run") + 1], dict(_value(one) for one in given)


def _words(lines: list[str]) -> list[str]:
    """The words of the command that begins here; quotes may go on for several lines."""
    for end in range(1, len(lines) + 1):
        with suppress(ValueError):
            return shlex.split("\n".join(lines[:end]))
    raise AssertionError(f"a quote has no end in {lines[0]}")


def _value(given: str) -> tuple[str, Any]:
    name, _, text = given.partition("=")
    try:
        return name, json.loads(text)
    except ValueError:
        assert '"' not in text, f"{given}: neither JSON nor plain text"
        return name, text
