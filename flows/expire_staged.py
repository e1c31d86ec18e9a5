"""Expire staged items."""

from datetime import timedelta
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from eoflows.products.expiry import AgeOf, Rules
from eoflows.tasks.parameters import described
from eoflows.tasks.product_parameters import CatalogueCollection, Environment
from eoflows.tasks.upkeep import expire

__all__ = ["expire_staged"]


@flow(name="expire-staged", flow_run_name="expire {catalog_collection_identifier} of {env.owner_id}")
@described
async def expire_staged(
    env: Environment,
    catalog_collection_identifier: CatalogueCollection,
    older_than_days: Annotated[float, Field(gt=0)] | None = None,
    age_of: AgeOf = "published",
    superseded: bool = False,
    evicted: bool = False,
    *,
    limit: Annotated[int, Field(ge=1)] | None = None,
    plan_only: bool = True,
) -> State[dict[str, Any]]:
    """Remove the assets of items that are old, superseded or evicted; the items stay, marked unpublished.

    Shows first what would expire: nothing is touched unless `plan_only` is off. An item that expired is
    staged again only when it is asked for on demand, not by systematic staging.

    Args:
        older_than_days: Expire items of a greater age; none spares the old.
        age_of: The time from which the age is counted.
        superseded: Expire items of whose type, platform and validity a newer one is staged.
        evicted: Expire items that their source has evicted.
        limit: Items to expire in one run; none is no limit.
        plan_only: Show what would expire, and touch nothing.

    Returns:
        How many items and bytes, and the first ids.

    Raises:
        InvalidInputError: No rule is given.
    """
    age = None if older_than_days is None else timedelta(days=older_than_days)
    rules = Rules(age, age_of, superseded, evicted)
    outcome = await expire(env, catalog_collection_identifier, rules, limit=limit, plan_only=plan_only)
    return outcome.state()
