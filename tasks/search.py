"""Search: which products there are."""

from typing import Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from prefect.logging import get_run_logger
from pystac import ItemCollection

from eokit.errors import InvalidInputError
from eokit.rs_server import AuxiliarySource, FlowEnvArgs, select_search_client_and_kwargs
from eokit.stac import SearchRequest
from eokit.stac.items import ItemDict
from eokit.tracing import span
from tasks.environment import opened

__all__ = ["search_task"]


@task(name="search-aux", task_run_name="search {source}", cache_policy=NO_CACHE, persist_result=False)
async def search_task(
    env: FlowEnvArgs,
    aux_cql2: dict[str, Any],
    error_if_empty: bool = False,
    source: AuxiliarySource = AuxiliarySource.AUXIP,
) -> ItemCollection:
    """Search auxiliary products.

    Args:
        env: Who for, and in which environment.
        aux_cql2: Envelope `{filter, limit, collections, sortby, timestamp}`, or a bare CQL2 expression.
        error_if_empty: Raise when nothing is found.
        source: Where to search.

    Returns:
        The items found, perhaps none.

    Raises:
        InvalidInputError: The search cannot be understood, or (a ValueError) nothing was found and
            `error_if_empty` is set.
        UnreachableError: The source did not answer; that is never an empty result.
        RefusedError: The source refused the search.
    """
    request, logger = SearchRequest.from_envelope(aux_cql2), get_run_logger()
    items: list[ItemDict] = []
    with span(env.service_name, "aux-search", env.calling_span):
        async with opened(env, writable=False) as flow_env:
            client, options = select_search_client_and_kwargs(flow_env, source)
            async for page in client.pages(request, **options):
                items += page
    logger.info("%s: %d items found", source, len(items))
    if error_if_empty and not items:
        raise InvalidInputError(f"No item found for CQL2: {aux_cql2}")
    return ItemCollection(items)
