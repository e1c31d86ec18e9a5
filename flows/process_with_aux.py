"""Run a process on a scene with the auxiliary products that it needs, and publish what it makes."""

from datetime import datetime
from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from eoflows.products.derivation import Feed, fill_inputs
from eoflows.products.environment import AuxiliarySource, FlowEnvArgs
from eoflows.products.selection.table import load_table
from eoflows.services.ogc_processes import Output
from eoflows.tasks.chain import Chain
from eoflows.tasks.derive import run_chain
from eoflows.tasks.ogc import read_inputs
from eoflows.tasks.run_jobs import StopPolicy, when_cancelled, when_crashed
from eoflows.tasks.stage import Timeout
from eoflows.tasks.stage_scene import SceneOrder, scene_of

__all__ = ["process_with_aux"]


@flow(
    name="process-with-aux",
    flow_run_name="{process_id} with auxiliary products, for {env.owner_id}",
    on_cancellation=[when_cancelled],
    on_crashed=[when_crashed],
)
async def process_with_aux(
    env: FlowEnvArgs,
    catalog_collection_identifier: str,
    server: str,
    process_id: str,
    feeds: Annotated[list[Feed], Field(min_length=1, title="Products into inputs")],
    output_collection: str,
    scene: str | None = None,
    *,
    inputs: str | dict[str, Any] = "{}",
    outputs: dict[str, Output] | None = None,
    scene_collection: str | None = None,
    start_datetime: datetime | str | None = None,
    end_datetime: datetime | str | None = None,
    mission: str | None = None,
    product_type: str | None = None,
    table: str = "sentinel",
    source: AuxiliarySource = AuxiliarySource.AUXIP,
    timeout_seconds: Timeout = -1,
    catalog_url: str = "",
    ledger: str = "default",
    run_key: str = "",
    wait_seconds: float = 600.0,
    deadline_hours: float | None = None,
    on_cancel: StopPolicy = "cancel",
    on_crash: StopPolicy = "leave",
    plan_only: bool = False,
) -> State[dict[str, Any]]:
    """Stage what a scene needs, execute a process with it once, and publish its outputs as a STAC item.

    Feeds say which product goes into which input of the process; they are checked against the process
    description before anything is staged. If something mandatory cannot be staged, nothing is sent. Run
    again with the same arguments, it goes on where it ended: there is one job and one item.

    Args:
        env: Who for, and in which environment.
        catalog_collection_identifier: Collection in the catalogue for the auxiliary products, without its
            owner.
        server: Name of the OGC Processes Server block.
        process_id: The process, as list-processes shows it.
        feeds: Which product goes into which input: an auxiliary input of the table by name (orbit), a product
            type (AUX_POEORB), or scene. Only what a feed names is staged.
        output_collection: Collection in the catalogue for what is made, without its owner.
        scene: Product name, or the id of a catalogued item; none if times, mission and product type are
            given.
        inputs: The other inputs of the process, as JSON. In texts, {scene.name}, {scene.start}, {scene.end},
            {scene.mission}, {scene.platform} and {scene.product_type} stand for the scene's own.
        outputs: The outputs wanted, like {"ndvi": {"transmissionMode": "reference"}}; none: all.
        scene_collection: Collection, without its owner, that has the scene; its record is then believed,
            can be given by a feed, and lends its footprint to what is made.
        start_datetime: Start of the sensing, in place of the scene's own; UTC where no zone is given.
        end_datetime: End of the sensing, in place of the scene's own; UTC where no zone is given.
        mission: Like sentinel-1, or with the satellite sentinel-1a; in place of the scene's own.
        product_type: Product type of the scene, like OL_0_EFR___; in place of its own.
        table: Name of a shipped table (sentinel), or path of a JSON file on the worker.
        source: Where to search, if the table says nothing else.
        timeout_seconds: Limit of each search in seconds; -1 and 0 are none.
        catalog_url: Where the catalogue is served, like http://catalogue:8081, if it is a local file; links
            to items then are absolute.
        ledger: Name of the Job Ledger block.
        run_key: Any text; with another one all is done once more, on purpose, with products chosen anew.
        wait_seconds: How long this run waits for the job; what takes longer is followed by track-jobs,
            and published when this runs again.
        deadline_hours: How long anybody waits for the job; none sets no limit.
        on_cancel: Whether the job is stopped when this run is cancelled.
        on_crash: Whether the job is stopped when this run crashes.
        plan_only: Show what would be staged, sent and published, and touch nothing.

    Returns:
        The published item and its collection, what it was made from, and the job.

    Raises:
        InvalidInputError: An argument, a feed or the table cannot be used; nothing was done.
        PartialError: Something mandatory is lacking and nothing was sent, or the job did not succeed.
        OutcomeUnknownError: Nobody can say whether there is a job; nothing is sent again.
        CatalogError: The results are fetched, and could not be published yet.
    """
    given = (start_datetime, end_datetime, mission, product_type)
    known, item = await scene_of(env, scene, scene_collection, given)
    chain = Chain(
        env=env,
        staging=SceneOrder(
            known,
            load_table(table).inputs(known),
            catalog_collection_identifier,
            source,
            timeout_seconds,
            plan_only,
        ),
        scene_item=item,
        server=server,
        process_id=process_id,
        feeds=feeds,
        inputs=fill_inputs(read_inputs(inputs), known),
        outputs=outputs,
        collection=output_collection,
        catalog_url=catalog_url,
        ledger=ledger,
        run_key=run_key,
        wait_seconds=wait_seconds,
        deadline_hours=deadline_hours,
    )
    return (await run_chain(chain)).state()
