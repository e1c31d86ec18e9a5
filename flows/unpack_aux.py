"""Unpack staged auxiliary products."""

from prefect import flow
from prefect.client.schemas.objects import State
from pystac import ItemCollection

from eoflows.tasks.outcome import OnFailure
from eoflows.tasks.parameters import described
from eoflows.tasks.product_parameters import CatalogueCollection, Environment
from eoflows.tasks.unpack import unpack_items

__all__ = ["unpack_aux"]


@flow(name="unpack-aux", flow_run_name="unpack {collection} for {env.owner_id}")
@described
async def unpack_aux(
    env: Environment,
    collection: CatalogueCollection,
    item_ids: list[str] | None = None,
    *,
    use_extension: bool = False,
    on_failure: OnFailure = "fail",
) -> State[ItemCollection]:
    """Unpack archives in the storage, tell the catalogue where their content is, then remove them.

    Run again, it completes what a killed run began, and does nothing where nothing is left to do.

    Args:
        item_ids: Items to unpack; none takes all of the collection that have an archive.
        use_extension: Where the content is in one folder that is no product and so is left out, add
            that folder's suffix to the name of the new one.
        on_failure: `fail` ends the run Failed when an item failed; `return` ends it Completed.

    Returns:
        The catalogue's items, those that failed left out.

    Raises:
        PartialError: An item failed and `on_failure` is `fail`.
        InvalidInputError: An argument cannot be used.
        CatalogError: The catalogue cannot be used.
    """
    return (await unpack_items(env, collection, item_ids, use_extension)).state(on_failure)
