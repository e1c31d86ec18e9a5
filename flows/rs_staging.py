"""Stage items by RS-Server's staging service."""

from collections.abc import Sequence
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import BeforeValidator
from pystac import ItemCollection

from eoflows.jobs.ledger import JobRecord
from eoflows.products.environment import FlowEnvArgs
from eoflows.products.staging import StagingReport
from eoflows.products.staging.service_input import StacInput
from eoflows.products.staging.verdict import StagingVerdict
from eoflows.tasks.incident import tell_incident
from eoflows.tasks.job_tables import progress_of
from eoflows.tasks.outcome import OnFailure
from eoflows.tasks.parameters import described
from eoflows.tasks.product_parameters import CatalogueCollection
from eoflows.tasks.progress import Link, show, shown_progress
from eoflows.tasks.publish import with_report
from eoflows.tasks.stage import ended
from eoflows.tasks.stage_by_service import stage_input

__all__ = ["staging"]


def _as_document(value: Any) -> Any:
    return value.to_dict(transform_hrefs=False) if isinstance(value, ItemCollection) else value


@flow(
    name="staging",
    flow_run_name="stage into {collection} for {env.owner_id} by the service",
    on_completion=[tell_incident],
    on_failure=[tell_incident],
)
@described
async def staging(
    env: FlowEnvArgs,
    stac_input: Annotated[StacInput, BeforeValidator(_as_document)],
    collection: CatalogueCollection,
    asset_names: list[str] | None = None,
    poll_interval: float = 2,
    *,
    on_failure: OnFailure = "return",
) -> State[dict[str, dict[str, Any]]]:
    """Stage items by RS-Server's staging service, one job per station that has their assets.

    Run again, it waits for the jobs that are still at work, and makes new ones only for what the catalogue
    still lacks.

    Args:
        env: Who for, and in which environment; it must name a staging server.
        stac_input: A Feature or FeatureCollection: as JSON, as the absolute path of a .json file on the
            worker, or as a URL. In Python also an ItemCollection.
        asset_names: Keys of the assets to stage; none takes all.
        poll_interval: Seconds between the first two looks at a job; later ones are further apart.
        on_failure: `fail` ends the run Failed when an item is not in the catalogue afterwards; `return`
            gives the jobs as they are.

    Returns:
        By host of the station, the job as the service writes it; one that failed has the status `failed` and
        says why in `message`.

    Raises:
        PartialError: An item is not in the catalogue and `on_failure` is `fail`.
        InvalidInputError: The input cannot be read, or the environment has no staging service.
        LedgerError: The ledger cannot be used.
    """
    now: Sequence[JobRecord] = []

    def note(records: Sequence[JobRecord]) -> None:
        nonlocal now
        now = records

    async with shown_progress("staging-progress", lambda: progress_of(now)):
        done = await stage_input(env, stac_input, collection, asset_names, poll_interval, note)
    report = StagingReport()
    report.add(done.records)
    verdict = StagingVerdict(report, [], [], "the input")
    outcome = with_report(ended(verdict, dict(done.jobs)), report)
    await show("staging", outcome, link=Link("products", f"{env.owner_id}:{collection}", "Staged products"))
    return outcome.state(on_failure)
