"""Stage what a source published since the last run."""

from datetime import datetime, timedelta
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from eoflows.products.environment import AuxiliarySource
from eoflows.products.systematic import Pace
from eoflows.tasks.incident import tell_incident
from eoflows.tasks.outcome import OnFailure
from eoflows.tasks.parameters import described
from eoflows.tasks.product_parameters import AssetKeys, CatalogueCollection, Environment, Source, Timeout
from eoflows.tasks.stage import search_limit
from eoflows.tasks.systematic import SystematicOrder, followed, stage_systematically

__all__ = ["systematic_aux_staging"]


@flow(
    name="systematic-aux-staging",
    flow_run_name="stage what {source} published into {catalog_collection_identifier} for {env.owner_id}",
    on_completion=[tell_incident],
    on_failure=[tell_incident],
)
@described
async def systematic_aux_staging(
    env: Environment,
    catalog_collection_identifier: CatalogueCollection,
    source: Source = AuxiliarySource.AUXIP,
    collections: list[str] | None = None,
    product_types: list[str] | None = None,
    start: datetime | str | None = None,
    end: datetime | str | None = None,
    *,
    overlap_hours: Annotated[float, Field(ge=0)] = 6.0,
    limit: Annotated[int, Field(ge=1)] | None = 5000,
    slice_hours: Annotated[float, Field(gt=0)] = 24.0,
    patience_hours: Annotated[float, Field(ge=0)] = 72.0,
    timeout_seconds: Timeout = -1,
    selected_assets: AssetKeys = None,
    restage_expired: bool = False,
    on_failure: OnFailure = "return",
    plan_only: bool = False,
) -> State[dict[str, Any]]:
    """Stage what a source published since the last run, in slices that a later run goes on from.

    A watermark per collection and product type says how far all is settled. It moves past what was
    staged, and past what can never be; a product that fails holds it and is tried again by the next run,
    for as long as patience lasts. With an end, it is a backfill: a range that is gone through once, and
    gone on with where an interrupted run left it.

    Args:
        collections: Collections of the source, like s1-aux; none is all that may be read.
        product_types: Product types; none is all. Each of each collection has its own watermark.
        start: Publication to begin with, UTC where no zone is given. It counts the first time, and for
            a range; later runs go on from the watermark. None begins now.
        end: Publication at which a range ends, excluded, UTC where no zone is given; none follows for ever.
        overlap_hours: How much before the watermark is read again, for products that the source lists
            later than their time of publication says. A range has no overlap.
        limit: Products to stage in one run, of each watermark; none is no limit.
        slice_hours: The longest span of publications that is read at once.
        patience_hours: How long a product that fails is tried again before it is given up.
        restage_expired: Stage also what expired from the catalogue.
        on_failure: `fail` ends the run Failed when a product failed; `return` only says so.
        plan_only: Show what would be staged, and touch nothing.

    Returns:
        The counts, and where each watermark stands.

    Raises:
        PartialError: A product failed and `on_failure` is `fail`.
        InvalidInputError: An argument cannot be used.
        ServiceError: The source cannot be read; what was settled before is recorded.
    """
    pace = Pace(
        timedelta(0) if end else timedelta(hours=overlap_hours),
        timedelta(hours=slice_hours),
        limit,
        timedelta(hours=patience_hours),
    )
    order = SystematicOrder.read(
        catalog_collection_identifier,
        source,
        collections,
        product_types,
        pace,
        start,
        end,
        selected=selected_assets,
        plan_only=plan_only,
        restage_expired=restage_expired,
        timeout=search_limit(timeout_seconds),
    )
    return followed(await stage_systematically(env, order)).state(on_failure)
