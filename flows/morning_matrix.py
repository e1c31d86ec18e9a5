"""One page each morning: which days of which collections are complete."""

from datetime import UTC, datetime
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from eoflows.base.times import parse_utc
from eoflows.completeness.matrix import MatrixLine
from eoflows.tasks.matrix import Morning, looked_up, make_matrix
from eoflows.tasks.parameters import described
from eoflows.tasks.product_parameters import Environment, Timeout
from eoflows.tasks.stage import search_limit

__all__ = ["morning_matrix"]


@flow(name="morning-matrix", flow_run_name="matrix of {days} days of {env.owner_id}")
@described
async def morning_matrix(
    env: Environment,
    lines: Annotated[list[MatrixLine], Field(min_length=1)],
    days: Annotated[int, Field(ge=1, le=60)] = 14,
    end: datetime | str | None = None,
    *,
    timeout_seconds: Timeout = -1,
) -> State[dict[str, Any]]:
    """Show days by collections: complete, late, partial or missing.

    Compares what was published with catalogue and storage as an audit does. The matrix is a table and a
    picture in the UI, and a page of HTML beside the products that can be read while no server runs.

    Args:
        lines: Collections of the catalogue, each with what a source publishes for it.
        days: How many days, the last included.
        end: Publication at which the last day ends, excluded, UTC where no zone is given; none is now.

    Returns:
        The number of days of collections in each state, and each with its state.

    Raises:
        InvalidInputError: A line cannot be used.
        StorageError: The page cannot be stored.
    """
    last = parse_utc(end) if end else datetime.now(UTC)
    morning = Morning(lines, last, days, search_limit(timeout_seconds))
    return looked_up(await make_matrix(env, morning)).state()
