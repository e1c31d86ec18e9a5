"""Compare source, catalogue and storage."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from eoflows.base.times import Interval, parse_utc
from eoflows.completeness.audit import Scope, Unregistered
from eoflows.products.environment import AuxiliarySource
from eoflows.products.staging import Place
from eoflows.products.systematic import Pace
from eoflows.tasks.parameters import described
from eoflows.tasks.product_parameters import Environment, Timeout
from eoflows.tasks.stage import search_limit
from eoflows.tasks.systematic import SystematicOrder
from eoflows.tasks.upkeep import AuditOrder, audit, audited, repair_parameters

__all__ = ["audit_storage"]


@flow(name="audit-storage", flow_run_name="audit {catalog_collection_identifier} of {env.owner_id}")
@described
async def audit_storage(
    env: Environment,
    catalog_collection_identifier: str,
    start: datetime | str,
    end: datetime | str | None = None,
    source: AuxiliarySource = AuxiliarySource.AUXIP,
    collections: list[str] | None = None,
    product_types: list[str] | None = None,
    *,
    checksum_fraction: Annotated[float, Field(ge=0, le=1)] = 0.01,
    seed: int = 0,
    selected_assets: list[str] | None = None,
    grace_minutes: Annotated[float, Field(ge=0)] = 60.0,
    stale_hours: Annotated[float, Field(ge=0)] = 24.0,
    timeout_seconds: Timeout = -1,
    repair: bool = False,
    unregistered: Unregistered = Unregistered.KEEP,
) -> State[dict[str, Any]]:
    """Compare what a source published with what the catalogue records and what the storage holds.

    Shows a matrix of days, keeps all findings as a file, and prints the run that repairs them. A repair
    is the same flow with `repair`: it looks again, takes broken assets out of their records, stages
    what is missing or was broken, and removes half-done files. What expired stays expired.

    Args:
        catalog_collection_identifier: Collection in the catalogue, without its owner; it is compared
            with the storage whole.
        start: First publication that is expected to be there, UTC where no zone is given.
        end: Publication at which that ends, excluded, UTC where no zone is given; none is now.
        source: Where it was published.
        collections: Collections of the source that are expected; none is all that may be read.
        product_types: Product types that are expected; none is all.
        checksum_fraction: Share of the stored objects whose bytes are read and compared, 0 to 1; sizes
            are compared for all.
        seed: Chooses the objects whose bytes are read; another number reads others.
        selected_assets: Asset keys that are expected; none is all (of CDSE, `product`).
        grace_minutes: Objects without a record that are younger may be on their way.
        stale_hours: Half-done files that are younger may be in use.
        repair: Repair what is found.
        unregistered: What a repair does with objects that neither catalogue nor source know; those that
            the source offers are registered, unless their item's record has others in their place.

    Returns:
        The state's name, the counts, and the run that repairs what was found.

    Raises:
        InvalidInputError: An argument cannot be used.
        ServiceError: The source cannot be read; that is never taken for an empty source.
    """
    last = parse_utc(end) if end else datetime.now(UTC)
    what = SystematicOrder.read(
        catalog_collection_identifier,
        source,
        collections,
        product_types,
        Pace(),
        start,
        last,
        selected=selected_assets,
        timeout=search_limit(timeout_seconds),
    )
    place, span = Place(env.owner_id, catalog_collection_identifier), Interval(parse_utc(start), last)
    deployment, parameters = repair_parameters(last)
    order = AuditOrder(
        what,
        Scope(place, span, what.selected, checksum_fraction, seed),
        timedelta(minutes=grace_minutes),
        timedelta(hours=stale_hours),
        repair,
        unregistered,
        deployment,
        parameters,
    )
    return audited(await audit(env, order)).state()
