"""Search auxiliary products and stage what the catalogue lacks."""

from datetime import datetime
from typing import Any

from prefect import flow
from prefect.client.schemas.objects import State

from eoflows.base.times import Interval
from eoflows.products.environment import AuxiliarySource
from eoflows.products.selection import POLICIES, Boundary, Look, PolicyName, Wanted, wire_filter
from eoflows.tasks.incident import tell_incident
from eoflows.tasks.parameters import described
from eoflows.tasks.product_parameters import (
    AssetKeys,
    CatalogueCollection,
    Dask,
    Environment,
    FromRun,
    OnFailed,
    PlanOnly,
    Source,
    Timeout,
)
from eoflows.tasks.stage import Order, Staged, stage_aux, staged

__all__ = ["aux_staging", "on_demand_aux_staging"]


@flow(
    name="aux-staging",
    flow_run_name="stage {source} into {catalog_collection_identifier} for {env.owner_id}",
    on_completion=[tell_incident],
    on_failure=[tell_incident],
)
@described
async def aux_staging(
    env: Environment,
    cql2_filter: dict[str, Any],
    catalog_collection_identifier: CatalogueCollection,
    timeout_seconds: Timeout = -1,
    source: Source = AuxiliarySource.AUXIP,
    selected_assets: AssetKeys = None,
    *,
    on_failure: OnFailed = "return",
    plan_only: PlanOnly = False,
    from_run: FromRun = None,
    dask: Dask = "",
) -> State[Staged]:
    """Search auxiliary products by a CQL2 filter and stage those that the catalogue lacks.

    Run again, it stages only what is still missing.

    Args:
        cql2_filter: What to stage: {"filter": CQL2, "limit": n, "collections": [...], "sortby": "-created",
            "timestamp": "start/end"}, each optional, or a bare CQL2 expression with op and args.

    Returns:
        Whether nothing failed, and the catalogue's items of all products found (None when nothing was
        found or only planned, none when all failed).

    Raises:
        PartialError: An item failed and `on_failure` is `fail`.
        InvalidInputError: An argument cannot be used.
        DeadlineError: The search took longer than its limit.
        ServiceError: The search failed.
    """
    order = Order.read(
        cql2_filter,
        catalog_collection_identifier,
        timeout_seconds,
        source,
        selected_assets,
        plan_only,
        from_run=from_run,
        dask=dask,
    )
    return staged(await stage_aux(env, order)).state(on_failure)


@flow(
    name="on-demand-aux-staging",
    flow_run_name="stage {product_type} into {catalog_collection_identifier} for {env.owner_id}",
    on_completion=[tell_incident],
    on_failure=[tell_incident],
)
@described
async def on_demand_aux_staging(
    env: Environment,
    start_datetime: datetime | str,
    end_datetime: datetime | str,
    product_type: str,
    catalog_collection_identifier: CatalogueCollection,
    *,
    policy: PolicyName = PolicyName.VAL_COVER,
    margin_before_seconds: float = 0.0,
    margin_after_seconds: float = 0.0,
    look_before_seconds: float | None = None,
    look_after_seconds: float | None = None,
    platform: str | None = None,
    boundary: Boundary = Boundary.INCLUSIVE,
    timeout_seconds: Timeout = -1,
    source: Source = AuxiliarySource.AUXIP,
    selected_assets: AssetKeys = None,
    on_failure: OnFailed = "return",
    plan_only: PlanOnly = False,
    from_run: FromRun = None,
    dask: Dask = "",
) -> State[Staged]:
    """Stage the auxiliary products of a type that a selection policy chooses for an interval.

    ValCover, if no other is named: all whose validity covers the interval. Run again, it stages only what
    is still missing.

    Args:
        start_datetime: Start of the interval, like 2025-08-07T11:51:12.509Z; UTC where no zone is given.
        end_datetime: End of the interval, like 2025-08-10T14:00:00.509Z; UTC where no zone is given.
        product_type: Auxiliary product type, like AX___OSF_AX.
        policy: Which products are chosen; the table of policies is in docs/selection.md.
        margin_before_seconds: The interval starts so much earlier (dTa of task tables), 0 or more.
        margin_after_seconds: The interval ends so much later (dTb of task tables), 0 or more.
        look_before_seconds: How far before the interval LatestValidity, ClosestStartValidity and
            ClosestStopValidity look; none is the policy's usual.
        look_after_seconds: How far after it; none is the policy's usual.
        platform: Satellite that the products must be of, like sentinel-1a; none takes any.
        boundary: `inclusive` also takes a validity that begins or ends exactly with the interval;
            `strict` does not, as a station's own t_contains.

    Returns:
        Whether nothing failed, and the catalogue's items of all products found (None when nothing was
        found or only planned, none when all failed).

    Raises:
        PartialError: An item failed and `on_failure` is `fail`.
        InvalidInputError: An argument cannot be used; the end is before the start; so many products
            compete that they cannot be ranked.
        DeadlineError: The search took longer than its limit.
        ServiceError: The search failed.
    """
    wanted = Wanted(
        product_type,
        Interval.parse(start_datetime, end_datetime),
        boundary,
        policy,
        margin_before_seconds,
        margin_after_seconds,
        platform,
        Look.given(look_before_seconds, look_after_seconds, POLICIES[policy].look),
    )
    order = Order.read(
        {"filter": wire_filter(wanted)},
        catalog_collection_identifier,
        timeout_seconds,
        source,
        selected_assets,
        plan_only,
        wanted,
        from_run,
        dask,
    )
    return staged(await stage_aux(env, order)).state(on_failure)
