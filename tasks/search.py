"""The verb `search`, for every service: what there is.

Names of other services are loaded with their first use.

| service | |
|---|---|
| RS-Server, any STAC API | `search_task`: products |
| OGC API - Processes | `search_processes_task`, `search_process_jobs_task` |
| UP42 | `search_up42_task`: jobs |
| Earth Engine | `search_images_task` |
| Geo Engine | `search_workflow_task`: what a workflow offers |
"""

from typing import TYPE_CHECKING, Any

from prefect import task
from prefect.cache_policies import NO_CACHE
from pystac import ItemCollection

from eoflows.base.errors import InvalidInputError, TruncatedError
from eoflows.base.lazy import lazily
from eoflows.base.tracing import span
from eoflows.products.environment import AuxiliarySource, FlowEnvArgs, select_search_client_and_kwargs
from eoflows.products.selection import partial_pages
from eoflows.stores.stac import SearchRequest
from eoflows.stores.stac.items import ItemDict
from eoflows.tasks.environment import opened
from eoflows.tasks.items import REFUSED, item_collection
from eoflows.tasks.logs import run_logger
from eoflows.tasks.outcome import MOST_ROWS, Outcome
from eoflows.tasks.publish import item_row

if TYPE_CHECKING:
    from eoflows.tasks.earth_engine_search import search_images_task
    from eoflows.tasks.geo_engine import search_workflow_task
    from eoflows.tasks.ogc import search_process_jobs_task, search_processes_task
    from eoflows.tasks.up42_lists import search_up42_task
else:
    __getattr__, __dir__ = lazily(__name__)

__all__ = [
    "found",
    "search_images_task",
    "search_process_jobs_task",
    "search_processes_task",
    "search_task",
    "search_up42_task",
    "search_workflow_task",
]

_CUT = "eoflows:cut"
"""Member of an item collection that says why it is not all that the source has."""


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
        The items found, perhaps none. If the source gave fewer than it has, the collection's extra field
        `eoflows:cut` says so; what came and cannot be read is in `eoflows:refused`, by id.

    Raises:
        InvalidInputError: The search cannot be understood, or (a ValueError) nothing was found and
            `error_if_empty` is set.
        TruncatedError: The source has items and gave none.
        UnreachableError: The source did not answer; that is never an empty result.
        RefusedError: The source refused the search.
    """
    request, items, cut = SearchRequest.from_envelope(aux_cql2), list[ItemDict](), list[TruncatedError]()
    with span(env.service_name, "aux-search", env.calling_span):
        async with opened(env, writable=False) as flow_env:
            client, options = select_search_client_and_kwargs(flow_env, source)
            async for page in partial_pages(client.pages(request, **options), cut.append):
                items += page
    if cut and not items:
        raise cut[0]
    run_logger().info("%s: %d items found%s", source, len(items), f"; {cut[0]}" if cut else "")
    if error_if_empty and not items:
        raise InvalidInputError(f"No item found for CQL2: {aux_cql2}")
    return item_collection(items, **({_CUT: str(cut[0])} if cut else {}))


def found(items: ItemCollection, source: AuxiliarySource) -> Outcome[ItemCollection]:
    """Give how a search ended: what it found, and whether that is all."""
    cut, refused = items.extra_fields.get(_CUT), items.extra_fields.get(REFUSED, {})
    broken = [f"{len(refused)} cannot be read, {': '.join(next(iter(refused.items())))}"] if refused else []
    rows = [item_row(item.to_dict(transform_hrefs=False)) for item in items.items[:MOST_ROWS]]
    return Outcome(
        name="Incomplete" if cut or refused else "Completed",
        sentence="; ".join([f"{len(items)} items found in {source}", *broken, *([cut] if cut else [])]),
        result=items,
        rows=rows,
        total=len(items),
        nothing={"item": "nothing found", "type": "", "validity": "", "size": ""},
    )
