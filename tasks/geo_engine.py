"""Geo Engines: opened by the names of their blocks, their workflows found, what is asked of them read."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import orjson
from prefect import task
from prefect.cache_policies import NO_CACHE
from pydantic import BaseModel, Field

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import parse_utc
from eoflows.blocks import GeoEngineServer
from eoflows.services.geo_engine.request import GeoEngineRequest
from eoflows.tasks.artifacts import acreate_markdown_artifact
from eoflows.tasks.limits import host_slots
from eoflows.tasks.load import block_path, load_block
from eoflows.tasks.logs import run_logger

if TYPE_CHECKING:
    from eoflows.services.geo_engine import (
        GeoEngineClient,
        ProvenanceEntry,
        QueryRectangle,
        RasterQueryRectangle,
        Workflow,
    )

__all__ = [
    "Bounds",
    "Box",
    "GeoQuestion",
    "PixelSize",
    "WorkflowSource",
    "dataset_request",
    "find_workflow",
    "geo_server",
    "open_geo_engine",
    "publish_provenance",
    "search_workflow_task",
]

_KEPT = 60_000

WorkflowSource = dict[str, Any] | str
"""A workflow as JSON, as JSON text, or its id."""


class Box(BaseModel):
    """A box; x is east or longitude, y is north or latitude, whatever order its reference system has."""

    xmin: float = Field(description="West edge.")
    ymin: float = Field(description="South edge.")
    xmax: float = Field(description="East edge.")
    ymax: float = Field(description="North edge.")


Bounds = Annotated[Box, Field(description="West, south, east and north edge of the box, in `crs`.")]


class PixelSize(BaseModel):
    """The size of a pixel in units of the reference system."""

    x: float = Field(gt=0, description="Width.")
    y: float = Field(gt=0, description="Height.")


@dataclass(frozen=True)
class GeoQuestion:
    """What is asked of a workflow, as flows take it.

    Attributes:
        workflow: Its id, or what it is.
        bbox: Where.
        start: From when, or the only instant; UTC where no zone is given.
        end: Until when, excluded; None: an instant.
        crs: Reference system of the box; empty: the workflow's own.
        resolution: Size of a pixel.
        bands: Names or numbers (from 0) of bands; None: all.
    """

    workflow: WorkflowSource
    bbox: Box
    start: datetime | str
    end: datetime | str | None = None
    crs: str = ""
    resolution: PixelSize | None = None
    bands: Sequence[int | str] | None = field(default=None)

    def query(self, srs: str, *, transform: bool = True) -> "QueryRectangle":
        """The box and time; the box encloses the one asked for, where it was given in another system.

        Args:
            srs: The workflow's reference system.
            transform: Whether the box is put into it; else it stays as it was given.
        """
        from eoflows.services.geo_engine import BoundingBox2D, QueryRectangle, SpatialResolution  # noqa: PLC0415

        given = self.bbox
        box = BoundingBox2D(given.xmin, given.ymin, given.xmax, given.ymax)
        crs = self.crs or srs
        if transform and srs:
            box, crs = box.enclosed(crs, srs), srs
        time: Any = self.start if self.end is None else (self.start, self.end)
        size = None if self.resolution is None else SpatialResolution(self.resolution.x, self.resolution.y)
        return QueryRectangle(box, time, crs, resolution=size)

    def raster_query(self, workflow: "Workflow") -> "RasterQueryRectangle":
        """The box, time and bands.

        Raises:
            InvalidInputError: The workflow gives no raster, or has no such band.
        """
        from eoflows.services.geo_engine import RasterResultDescriptor  # noqa: PLC0415

        descriptor = workflow.must_be(RasterResultDescriptor)
        names = [band.name for band in descriptor.bands]
        wanted = range(len(names)) if self.bands is None else [_band(one, names) for one in self.bands]
        return self.query(descriptor.spatial_reference).with_raster_bands(wanted)


def _band(wanted: int | str, names: Sequence[str]) -> int:
    if isinstance(wanted, str) and wanted in names:
        return names.index(wanted)
    if isinstance(wanted, int) or wanted.isdecimal():
        return int(wanted)
    raise InvalidInputError(f"there is no band {wanted!r}; the workflow has {', '.join(names)}")


def geo_server(name: str) -> str:
    """Give a server's block as `type-slug/name`, which its name alone is short for."""
    return block_path(GeoEngineServer, name)


@asynccontextmanager
async def open_geo_engine(name: str) -> AsyncIterator[tuple[GeoEngineServer, "GeoEngineClient"]]:
    """Open a server by the name of its block, with a slot of its host where there is a limit.

    Raises:
        InvalidInputError: There is no such block.
    """
    block = await load_block(GeoEngineServer, name)
    async with AsyncExitStack() as stack:
        slot = await stack.enter_async_context(host_slots())
        if slot is not None:
            await stack.enter_async_context(slot(urlsplit(block.url).hostname or ""))
        yield block, await stack.enter_async_context(block.open())


async def find_workflow(client: "GeoEngineClient", workflow: WorkflowSource) -> "Workflow":
    """Find a workflow by its id, or register what it is; registering it again gives the same one.

    Raises:
        InvalidInputError: The text is neither an id nor a workflow as JSON.
        AbsentError: The server does not know the id.
        RefusedError: The server does not accept the workflow; the message says why.
    """
    from eoflows.services.geo_engine import load_workflow, submit_workflow  # noqa: PLC0415

    if isinstance(workflow, str) and not workflow.lstrip().startswith("{"):
        return await load_workflow(client, workflow.strip())
    found = await submit_workflow(client, _document(workflow))
    run_logger().info("workflow %s", found)
    return found


@task(name="search-workflow", cache_policy=NO_CACHE, persist_result=False)
async def search_workflow_task(server: str, workflow: WorkflowSource) -> dict[str, Any]:
    """Give what a workflow offers: its kind, reference system, bands or columns, and its extent.

    Args:
        server: Name of the Geo Engine Server block.
        workflow: Its id, or what it is.

    Returns:
        The server's descriptor, and the workflow's id as `workflow`.

    Raises:
        InvalidInputError: There is no such block, or the text is neither an id nor a workflow as JSON.
        AbsentError: The server does not know the id.
    """
    async with open_geo_engine(server) as (_, client):
        found = await find_workflow(client, workflow)
    described: dict[str, Any] = orjson.loads(_descriptor(found))
    return {**described, "workflow": str(found)}


def _document(workflow: WorkflowSource) -> Mapping[str, Any]:
    if isinstance(workflow, dict):
        return workflow
    try:
        found: dict[str, Any] = orjson.loads(workflow)
    except orjson.JSONDecodeError as error:
        raise InvalidInputError(f"the workflow is no JSON: {error}") from error
    return found


async def dataset_request(
    server: str, question: GeoQuestion, *, name: str | None, display_name: str, description: str
) -> GeoEngineRequest:
    """Give the request for a dataset made of a workflow's raster, and show where its data come from.

    Args:
        server: Name of the Geo Engine Server block.
        question: Workflow, box and time.
        name: Name like `namespace:name`, which must be new; None: the server chooses.
        display_name: Name for people.
        description: Text for people.

    Raises:
        InvalidInputError: The workflow gives no raster, or the block is missing.
    """
    from eoflows.services.geo_engine.times import format_ms  # noqa: PLC0415

    async with open_geo_engine(server) as (_, client):
        workflow = await find_workflow(client, question.workflow)
        query = question.raster_query(workflow)
        await publish_provenance("save-dataset-provenance", workflow)
    time = query.time_interval
    return GeoEngineRequest(
        workflow=workflow.workflow_id.uuid,
        bbox=query.spatial_bounds.edges,
        time_start=parse_utc(format_ms(time.start_ms)),
        time_end=None if time.is_instant else parse_utc(format_ms(time.end_ms)),
        resolution=None if query.resolution is None else query.resolution.pair,
        name=name,
        display_name=display_name,
        description=description,
    )


async def publish_provenance(key: str, workflow: "Workflow") -> "list[ProvenanceEntry]":
    """Show where a workflow's data come from and how they are cited, what it gives, and what it is."""
    entries = await workflow.fetch_provenance()
    definition = await workflow.fetch_definition()
    rows = [
        f"| {_cell(one.provenance.citation)} | {_cell(one.provenance.license)} | {_cell(one.provenance.uri)} "
        f"| {_cell(', '.join(map(_name, one.data)))} |"
        for one in entries
    ]
    text = orjson.dumps(definition, option=orjson.OPT_INDENT_2).decode()
    parts = [
        f"# Sources of workflow `{workflow}`",
        "\n".join(["| citation | license | address | data |", "|---|---|---|---|", *rows])
        if rows
        else "The server names none.",
        "## Result",
        f"```json\n{_descriptor(workflow)[:_KEPT]}\n```",
        "## Workflow",
        f"```json\n{text[:_KEPT]}\n```",
    ]
    await acreate_markdown_artifact("\n\n".join(parts), key=key, description=f"{len(entries)} sources")
    return entries


def _descriptor(workflow: "Workflow") -> str:
    described = workflow.get_result_descriptor().model_dump_json(indent=2, exclude_none=True)
    return str(described)


def _name(data: Mapping[str, Any]) -> str:
    return str(data.get("datasetId") or f"{data.get('providerId', '')}/{data.get('layerId', '')}")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
