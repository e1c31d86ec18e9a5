"""Servers of OGC API - Processes: what they offer, and requests made of text."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import orjson
from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import Field

from eoflows.base.errors import InvalidInputError
from eoflows.blocks import OgcProcessesServer
from eoflows.services.ogc_processes import AsyncClient, Output, ProcessDescription, ProcessSummary
from eoflows.tasks.artifacts import acreate_markdown_artifact
from eoflows.tasks.load import block_path, load_block
from eoflows.tasks.outcome import Outcome
from eoflows.tasks.progress import show

__all__ = [
    "ProcessOutputs",
    "describe",
    "ogc_server",
    "open_ogc",
    "processes_of",
    "read_inputs",
    "search_process_jobs_task",
    "search_processes_task",
]


ProcessOutputs = Annotated[
    dict[str, Output] | None,
    Field(description='The outputs wanted, like {"ndvi": {"transmissionMode": "reference"}}; none: all.'),
]


def ogc_server(name: str) -> str:
    """Give a server's block as `type-slug/name`, which its name alone is short for."""
    return block_path(OgcProcessesServer, name)


@asynccontextmanager
async def open_ogc(name: str) -> AsyncIterator[AsyncClient]:
    """Open a client by the name of its block.

    Raises:
        InvalidInputError: There is no such block.
    """
    block = await load_block(OgcProcessesServer, name)
    async with block.open() as client:
        yield client


def read_inputs(inputs: dict[str, Any] | str) -> dict[str, Any]:
    """Read the inputs of a process.

    Args:
        inputs: By name, or that as JSON text.

    Raises:
        InvalidInputError: The text is no JSON object.
    """
    if isinstance(inputs, dict):
        return inputs
    try:
        found = orjson.loads(inputs or "{}")
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(f"the inputs are no JSON: {error}") from error
    if not isinstance(found, dict):
        raise InvalidInputError(f"the inputs are {type(found).__name__}, not an object of names and values")
    return found


@task(name="search-processes", cache_policy=NO_CACHE, persist_result=False)
async def search_processes_task(server: str) -> list[dict[str, Any]]:
    """Give the processes of a server, as the server writes their summaries.

    Args:
        server: Name of the OGC Processes Server block.

    Raises:
        InvalidInputError: There is no such block.
        ClientException: The server cannot be asked.
    """
    async with open_ogc(server) as client:
        return [one.body() for one in (await client.get_processes()).processes]


@task(name="search-process-jobs", cache_policy=NO_CACHE, persist_result=False)
async def search_process_jobs_task(
    server: str, process_id: str | None = None, statuses: list[str] | None = None, limit: int = 200
) -> list[dict[str, Any]]:
    """Give the jobs of a server, whoever made them, as the server writes them.

    Args:
        server: Name of the OGC Processes Server block.
        process_id: Only jobs of this process; None: of all.
        statuses: Only jobs with one of these raw statuses; None: with any.
        limit: Jobs at the most.

    Raises:
        InvalidInputError: There is no such block.
        ClientException: The server cannot be asked.
    """
    async with open_ogc(server) as client:
        found = await client.get_jobs(process_id=process_id, statuses=statuses or (), enough=limit)
    return [one.body() for one in found.jobs[:limit]]


async def processes_of(server: str) -> list[dict[str, Any]]:
    """Give the processes of a server, and show them as a table.

    Raises:
        InvalidInputError: There is no such block.
        ClientException: The server cannot be asked.
    """
    async with open_ogc(server) as client:
        found = (await client.get_processes()).processes
    outcome = Outcome(
        sentence=f"{len(found)} processes at {server}.",
        result=[one.body() for one in found],
        rows=[_row(one) for one in found],
        nothing={"process": "none"},
    )
    await show("processes", outcome)
    return outcome.result


def _row(process: ProcessSummary) -> dict[str, Any]:
    return {
        "process": process.id,
        "title": process.title or "",
        "version": process.version or "",
        "runs": ", ".join(process.jobControlOptions),
        "gives": ", ".join(process.outputTransmission),
        "description": process.description or "",
    }


async def describe(server: str, process_id: str) -> dict[str, Any]:
    """Give what a process takes and gives, and show it as a page.

    Raises:
        InvalidInputError: There is no such block.
        ClientAbsentError: There is no such process.
        ClientException: The server cannot be asked.
    """
    async with open_ogc(server) as client:
        found = await client.get_process(process_id)
    await acreate_markdown_artifact(_page(found), key="process", description=f"{process_id} at {server}")
    return found.body()


def _page(process: ProcessDescription) -> str:
    inputs = [
        f"| {_cell(name)} | {_count(one.minOccurs, one.maxOccurs)} | {_cell(_kind(one.content_schema))} "
        f"| {_cell(one.title)} | {_cell(one.description)} |"
        for name, one in process.inputs.items()
    ]
    outputs = [
        f"| {_cell(name)} | {_cell(_kind(one.content_schema))} | {_cell(one.title)} |"
        for name, one in process.outputs.items()
    ]
    schemas = {name: one.content_schema for name, one in process.inputs.items()}
    parts = [
        f"# {_cell(process.title or process.id)}",
        f"`{process.id}` {process.version or ''}",
        process.description or "",
        "## Inputs",
        "\n".join(["| name | values | type | title | description |", "|---|---|---|---|---|", *inputs]),
        "## Outputs",
        "\n".join(["| name | type | title |", "|---|---|---|", *outputs]),
        "## JSON Schema of the inputs",
        f"```json\n{orjson.dumps(schemas, option=orjson.OPT_INDENT_2).decode()}\n```",
    ]
    return "\n\n".join(part for part in parts if part.strip())


def _count(least: int, most: int | str) -> str:
    return str(least) if least == most else f"{least} to {'any number' if most == 'unbounded' else most}"


def _kind(schema: Any) -> str:
    """The type that a schema names, or how many there are to choose from."""
    if not isinstance(schema, dict):
        return ""
    if "type" in schema:
        kind = schema["type"]
        return " or ".join(map(str, kind)) if isinstance(kind, list) else str(kind)
    choice: list[Any] = next((schema[name] for name in ("oneOf", "anyOf", "allOf") if schema.get(name)), [])
    return " or ".join(dict.fromkeys(kind for one in choice if (kind := _kind(one))))


def _cell(text: str | None) -> str:
    return " ".join((text or "").split()).replace("|", "\\|")
