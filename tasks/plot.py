"""Plots of a Geo Engine: drawn, shown, and stored."""

import base64
import binascii
import io
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio
import orjson
from prefect import task
from prefect.cache_policies import NO_CACHE

from eoflows.base.errors import ContractError
from eoflows.tasks.artifacts import acreate_markdown_artifact
from eoflows.tasks.geo_engine import find_workflow, open_geo_engine
from eoflows.tasks.pictures import MOST_BYTES, publish_image, publish_png
from eoflows.tasks.produce import Produced, ResultOrder, cite, publish_produced, question_of

if TYPE_CHECKING:
    from eoflows.services.geo_engine import WrappedPlotOutput

__all__ = ["plot_task"]

_KEY = "plot-workflow"
_SUFFIXES = {"JsonVega": "svg", "ImagePng": "png"}


@task(name="plot", cache_policy=NO_CACHE, persist_result=False)
async def plot_task(order: ResultOrder) -> Produced:
    """Ask for a plot, show it, and store it: charts as SVG, pictures as PNG, anything else as JSON.

    The server's answer is in the record beside the file. A plot of the same question replaces the earlier
    one, because the data may have changed.

    Args:
        order: What is wanted, and where it goes.

    Raises:
        InvalidInputError: The workflow gives no plot.
        RefusedError: The server cannot make it.
    """
    async with open_geo_engine(order.server) as (_, client):
        workflow = await find_workflow(client, order.question.workflow)
        query = order.question.query("EPSG:4326", transform=False)
        plot = await workflow.fetch_plot(query, query.resolution)
        attrs = await cite(workflow, _KEY)
    content = await anyio.to_thread.run_sync(_content, plot)
    await _show(plot, content, f"{plot.plot_type}, {query.time_str}")
    question = question_of(workflow, query)
    replacing = replace(order, overwrite=order.overwrite or not order.name)
    place = await replacing.place(question, _SUFFIXES.get(plot.output_format, "json"))
    document = plot.model_dump(mode="json", by_alias=True)

    async def make(path: Path) -> Mapping[str, Any]:
        await anyio.Path(path).write_bytes(content)
        return attrs

    stored = await place.file({**question, "plot": document}, make)
    facts = {"plot": plot.plot_type, "format": plot.output_format, "checksum": stored.checksum}
    return await publish_produced(_KEY, Produced(stored.href, str(workflow), stored.found, facts=facts))


def _content(plot: "WrappedPlotOutput") -> bytes:
    """What is stored."""
    from eoflows.services.geo_engine import VegaLite  # noqa: PLC0415

    match plot.output_format:
        case "JsonVega":
            return VegaLite(plot.vega_spec).to_svg().encode()
        case "ImagePng":
            try:
                return base64.b64decode(str(plot.data).rpartition(",")[2], validate=True)
            except binascii.Error as error:
                raise ContractError(
                    f"the picture of a {plot.plot_type} plot cannot be read: {error}"
                ) from error
        case _:
            return orjson.dumps(plot.data, option=orjson.OPT_INDENT_2)


async def _show(plot: "WrappedPlotOutput", content: bytes, title: str) -> None:
    from PIL import Image  # noqa: PLC0415

    kind = _SUFFIXES.get(plot.output_format)
    if kind is None:
        text = content[:MOST_BYTES].decode(errors="ignore")
        await acreate_markdown_artifact(f"# {title}\n\n```json\n{text}\n```", key=f"{_KEY}-plot")
    elif kind == "svg" and len(content) <= MOST_BYTES:
        await publish_image(f"{_KEY}-plot", content, "svg+xml", title)
    else:
        await publish_png(f"{_KEY}-plot", Image.open(io.BytesIO(_png(plot, content))), title)


def _png(plot: "WrappedPlotOutput", content: bytes) -> bytes:
    from eoflows.services.geo_engine import VegaLite  # noqa: PLC0415

    return VegaLite(plot.vega_spec).to_png() if plot.output_format == "JsonVega" else content
