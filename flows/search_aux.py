"""Search auxiliary products."""

from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State
from pystac import ItemCollection

from eoflows.products.environment import AuxiliarySource
from eoflows.tasks.parameters import described
from eoflows.tasks.product_parameters import Environment, Source
from eoflows.tasks.progress import show
from eoflows.tasks.search import found, search_task

__all__ = ["search"]


@flow(name="search-aux", flow_run_name="search {source} for {env.owner_id}")
@described
async def search(
    env: Environment,
    aux_cql2: dict[str, Any],
    error_if_empty: bool = False,
    source: Source = AuxiliarySource.AUXIP,
) -> State[ItemCollection]:
    """Search auxiliary products and show them as a table. Nothing is staged.

    Args:
        aux_cql2: What to search: {"filter": CQL2, "limit": n, "collections": [...], "sortby": "-created",
            "timestamp": "start/end"}, each optional, or a bare CQL2 expression with op and args.
        error_if_empty: Fail the run when nothing is found.

    Returns:
        The items found, perhaps none. If the source gave fewer than it has, or something that cannot be
        read, the run ends `Incomplete`.

    Raises:
        InvalidInputError: The search cannot be understood, or (a ValueError) nothing was found and
            `error_if_empty` is set.
        TruncatedError: The source has items and gave none.
    """
    outcome = found(await search_task(env, aux_cql2, error_if_empty, source), source)
    await show("aux-search", outcome)
    return outcome.state()
