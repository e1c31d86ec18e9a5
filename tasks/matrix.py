"""The morning matrix: a census of each collection, shown as a table, a picture and a page that stays."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
from prefect.runtime import deployment
from pydantic_core import to_jsonable_python

from eoflows.base.errors import CatalogError, DeadlineError, ServiceError, StorageError, public_url
from eoflows.base.times import Interval, format_utc
from eoflows.completeness.audit import Inventory, Scope, repair_command, take_census
from eoflows.completeness.matrix import (
    Column,
    Matrix,
    MatrixLine,
    column_of,
    matrix_markdown,
    matrix_page,
    matrix_svg,
)
from eoflows.completeness.matrix.cells import span_of_days
from eoflows.products.environment import FlowEnv, FlowEnvArgs
from eoflows.products.staging import Place
from eoflows.products.systematic import Pace
from eoflows.tasks.artifacts import acreate_markdown_artifact
from eoflows.tasks.environment import opened
from eoflows.tasks.logs import run_logger
from eoflows.tasks.outcome import Outcome
from eoflows.tasks.pictures import publish_image
from eoflows.tasks.progress import shown_progress
from eoflows.tasks.systematic import SystematicOrder, publications

__all__ = ["Morning", "looked_up", "make_matrix"]

_KEY = "morning-matrix"
_FOLDER = "_mornings"
_UNREAD = (ServiceError, CatalogError, StorageError, DeadlineError)


@dataclass(frozen=True)
class Morning:
    """What a morning's page shows, as one value.

    Attributes:
        lines: Collections.
        end: Where the last day ends so far, excluded, aware UTC.
        days: How many days.
        timeout: Seconds that one search may wait for the source, or None.
    """

    lines: Sequence[MatrixLine]
    end: datetime
    days: int
    timeout: float | None = None

    @property
    def span(self) -> Interval:
        """The days."""
        return span_of_days(self.end, self.days)

    def read(self, line: MatrixLine) -> SystematicOrder:
        """Say what a line expects in these days.

        Raises:
            InvalidInputError: It cannot be used.
        """
        return SystematicOrder.read(
            line.catalog_collection_identifier,
            line.source,
            line.collections,
            line.product_types,
            Pace(),
            self.span.start,
            self.span.end,
            timeout=self.timeout,
        )


async def make_matrix(env: FlowEnvArgs, morning: Morning) -> Matrix:
    """Look at all collections, show the matrix and keep its page beside the products.

    A collection that cannot be read is unknown, and keeps nobody from seeing the others.

    Raises:
        InvalidInputError: A line or the environment cannot be used.
        StorageError: The page cannot be stored.
    """
    orders = [(line, morning.read(line)) for line in morning.lines]
    columns: list[Column] = []
    done = [0]

    def reading() -> tuple[float, str]:
        return 100.0 * done[0] / len(orders), f"{done[0]} of {len(orders)} lines"

    async with opened(env, writable=False) as flow_env, shown_progress(f"{_KEY}-progress", reading):
        for line, order in orders:
            columns += await _columns(flow_env, morning, line, order)
            done[0] += 1
        matrix = Matrix(env.owner_id, env.environment, morning.span, columns, datetime.now(UTC))
        page = await _keep(flow_env, matrix)
    await acreate_markdown_artifact(
        matrix_markdown(matrix, public_url(page)), key=_KEY, description=matrix.sentence
    )
    await publish_image(f"{_KEY}-picture", matrix_svg(matrix).encode(), "svg+xml", matrix.sentence)
    run_logger().info("%s %s", matrix.sentence, public_url(page))
    return matrix


async def _columns(
    flow_env: FlowEnv, morning: Morning, line: MatrixLine, order: SystematicOrder
) -> list[Column]:
    collection, source = line.catalog_collection_identifier, str(line.source)
    streams = [str(stream) for stream in order.streams]
    scope = Scope(Place(flow_env.owner_id, collection), morning.span, order.selected, since=line.counted_from)
    sources = [publications(flow_env, order, stream) for stream in order.streams]
    try:
        with TemporaryDirectory(prefix="eoflows-matrix-") as folder:
            inventory = await anyio.to_thread.run_sync(Inventory, Path(folder) / "inventory.sqlite")
            with inventory:
                await take_census(inventory, scope, sources, flow_env.catalog, flow_env.storage)
                found = await anyio.to_thread.run_sync(_count, inventory, line)
    except _UNREAD as error:
        run_logger().error("%s from %s: %s", collection, source, error)
        return [Column(collection, source, stream, reason=str(error)) for stream in streams]
    repair = _repair(flow_env, line, morning.span)
    columns = [found.get(stream) or Column(collection, source, stream) for stream in streams]
    return [column.with_repair(repair) for column in columns]


def _count(inventory: Inventory, line: MatrixLine) -> dict[str, Column]:
    name, source = line.catalog_collection_identifier, str(line.source)
    return {
        stream: column_of(name, source, stream, some, line.late_after_hours)
        for stream, some in groupby(inventory.offered_items(), key=lambda item: item.stream)
    }


def _repair(flow_env: FlowEnv, line: MatrixLine, span: Interval) -> str:
    """Give the run that stages what a line lacks."""
    given = line.model_dump(exclude={"late_after_hours", "counted_from"}, exclude_defaults=True)
    range_ = {"start": format_utc(span.start), "end": format_utc(span.end), "repair": True}
    env = flow_env.args.model_dump(include={"owner_id", "environment"})
    parameters = to_jsonable_python({"env": env, **given, **range_})
    return repair_command(f"audit-storage/{deployment.name or 'default'}", parameters)


async def _keep(flow_env: FlowEnv, matrix: Matrix) -> str:
    """Store the page under its day and under a name that stays, and give the href of the latter."""
    folder = f"{flow_env.owner_id}/{_FOLDER}"
    content = matrix_page(matrix, "../../").encode()
    for name in (matrix.days[0], "latest"):
        href = await flow_env.storage.save(f"{folder}/{name}.html", content)
    return href


def looked_up(matrix: Matrix) -> Outcome[dict[str, Any]]:
    """Give the outcome of a run, named after what it saw."""
    data = {
        "counts": {str(state): count for state, count in matrix.counts.items()},
        "days": [
            {
                "day": cell.day,
                "collection": column.collection,
                "stream": column.stream,
                "state": str(cell.state),
            }
            for column, cell in matrix.cells()
        ],
    }
    reasons = [column.reason for column in matrix.columns if column.reason]
    if reasons:
        sentence = f"{matrix.sentence} {'; '.join(dict.fromkeys(reasons))}"
        return Outcome.failed("PartlyKnown", sentence, data)
    name = "Complete" if matrix.complete else "Incomplete"
    return Outcome(name=name, sentence=matrix.sentence, result=data)
