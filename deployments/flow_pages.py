"""Keeps the tables of parameters in the pages of flows as the flows have them.

    python -m eoflows.deployments.flow_pages            names the pages that differ; exits 1 if any do
    python -m eoflows.deployments.flow_pages --write    writes their tables, and begins pages that are missing

A table stands between two markers and is made of what the form in the UI shows: names, types, defaults and
help texts. Everything else in a page is written by hand.
"""

import argparse
import pkgutil
import re
import sys
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import yaml
from prefect import Flow
from prefect.utilities.callables import parameter_schema

__all__ = ["deployed_flows", "main", "page_of", "parameter_table", "with_table"]

ROOT = Path(__file__).resolve().parents[1]
BEGIN = "<!-- parameters: written by `python -m eoflows.deployments.flow_pages --write` -->"
END = "<!-- end of parameters -->"

_TABLE = re.compile(rf"{re.escape(BEGIN)}.*?{re.escape(END)}", flags=re.DOTALL)
_DATE = "date and time"
_WORDS = {"string": "text", "boolean": "yes or no", "object": "JSON object"}
_BOUNDS = {
    "minimum": "{} or more",
    "maximum": "at most {}",
    "exclusiveMinimum": "more than {}",
    "minItems": "not empty",
    "maxLength": "at most {} characters",
}

Schema = Mapping[str, Any]


@cache
def deployed_flows() -> dict[str, Flow[..., Any]]:
    """Give the flows that prefect.yaml deploys, by name, in its order."""
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    entrypoints = dict.fromkeys(one["entrypoint"] for one in deployments)
    flows: list[Flow[..., Any]] = [pkgutil.resolve_name(entrypoint) for entrypoint in entrypoints]
    return {flow.name: flow for flow in flows}


def page_of(name: str) -> Path:
    """Give the page of a flow: its own among the others, or one that tells a longer story."""
    longer = ROOT / "docs" / f"{name.replace('-', '_')}.md"
    return longer if longer.exists() else ROOT / "docs" / "flows" / f"{name}.md"


def parameter_table(flow: Flow[..., Any]) -> str:
    """Give the table of a flow's parameters, in their order."""
    schema = parameter_schema(flow).model_dump_for_openapi()
    shapes = schema.get("definitions", {})
    rows = [
        f"| `{name}` | {_kind(one, shapes)} | {_default(one)} | {_cell(one.get('description', ''))} |"
        for name, one in sorted(schema["properties"].items(), key=lambda pair: pair[1]["position"])
    ]
    return "\n".join(["| parameter | type | default | meaning |", "|---|---|---|---|", *rows])


def _kind(schema: Schema, shapes: Schema) -> str:
    """The type in a word or two, with its bounds."""
    if "$ref" in schema:
        return _kind(shapes[schema["$ref"].rpartition("/")[2]], shapes)
    if "enum" in schema:
        *most, last = (f"`{value}`" if value else "nothing" for value in schema["enum"])
        return f"{', '.join(most)} or {last}" if most else last
    if "anyOf" in schema:
        kinds = [_kind(one, shapes) for one in schema["anyOf"] if one.get("type") != "null"]
        # Where a date may be text, the form has one field for both.
        return " or ".join(kinds[:1] if kinds[0] == _DATE else kinds)
    if "oneOf" in schema:
        services = ", ".join(f"`{name}`" for name in schema["discriminator"]["mapping"])
        return f"requests by `{schema['discriminator']['propertyName']}` ({services})"
    if "prefixItems" in schema:
        return f"pairs of {_kind(schema['prefixItems'][0], shapes)}s"
    bounds = [words.format(f"{schema[name]:g}") for name, words in _BOUNDS.items() if name in schema]
    return ", ".join([_plain(schema, shapes), *bounds])


def _plain(schema: Schema, shapes: Schema) -> str:
    if schema.get("format") == "date-time":
        return _DATE
    if schema["type"] == "array":
        return f"list of {_kind(schema['items'], shapes)}"
    if "properties" in schema:
        return f"object: {', '.join(f'`{name}`' for name in schema['properties'])}"
    return str(_WORDS.get(schema["type"], schema["type"]))


def _default(schema: Schema) -> str:
    if "default" not in schema:
        return "required"
    value = schema["default"]
    if value is None or value == "":
        return "none" if value is None else "empty"
    return f"`{value if isinstance(value, str) else orjson.dumps(value).decode()}`"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def with_table(text: str, flow: Flow[..., Any]) -> str:
    """Give a page with the table as it should be; a page without markers stays as it is."""
    return _TABLE.sub(lambda _: f"{BEGIN}\n\n{parameter_table(flow)}\n\n{END}", text)


def differing() -> dict[Path, str]:
    """Give the pages whose table is not as it should be, with the text that they should have."""
    found = {}
    for name, flow in deployed_flows().items():
        page = page_of(name)
        there = page.read_text() if page.exists() else ""
        text = with_table(there or _new_page(name), flow)
        if text != there:
            found[page] = text
    return found


def _new_page(name: str) -> str:
    sections = "".join(f"\n## {title}\n" for title in ("Outcomes", "Artifacts", "Run again", "Example"))
    return f"# {name}\n\n## Parameters\n\n{BEGIN}\n{END}\n{sections}"


def main() -> int:
    """Read the command line; check or write."""
    parser = argparse.ArgumentParser(
        prog="python -m eoflows.deployments.flow_pages",
        description=__doc__,
        formatter_class=argparse.RawTextHelpFormatter,
    )
    parser.add_argument("--write", action="store_true", help="write the tables, and begin missing pages")
    write = parser.parse_args().write
    pages = differing()
    for page, text in pages.items():
        if write:
            page.write_text(text)
        print(f"{page.relative_to(ROOT)} {'is written' if write else 'differs'}")
    return int(bool(pages) and not write)


if __name__ == "__main__":
    sys.exit(main())
