"""Run a process on a scene with the auxiliary products that it needs, and publish what it makes."""

from typing import Annotated, Any

from prefect import flow
from prefect.client.schemas.objects import State
from pydantic import Field

from eoflows.products.derivation import Feed, fill_inputs
from eoflows.products.environment import AuxiliarySource
from eoflows.products.selection.table import load_table
from eoflows.tasks.chain import Chain
from eoflows.tasks.derive import run_chain
from eoflows.tasks.ogc import ProcessOutputs, read_inputs
from eoflows.tasks.parameters import (
    DeadlineHours,
    LedgerName,
    ProcessesServer,
    ProcessId,
    StopWhenCancelled,
    StopWhenCrashed,
    described,
)
from eoflows.tasks.product_parameters import (
    Environment,
    Mission,
    SceneType,
    SensingEnd,
    SensingStart,
    TableName,
    Timeout,
    UsualSource,
)
from eoflows.tasks.run_jobs import when_cancelled, when_crashed
from eoflows.tasks.stage_scene import SceneOrder, scene_of

__all__ = ["process_with_aux"]


@flow(
    name="process-with-aux",
    flow_run_name="{process_id} with auxiliary products, for {env.owner_id}",
    on_cancellation=[when_cancelled],
    on_crashed=[when_crashed],
)
@described
async def process_with_aux(
    env: Environment,
    catalog_collection_identifier: str,
    server: ProcessesServer,
    process_id: ProcessId,
    feeds: Annotated[list[Feed], Field(min_length=1, title="Products into inputs")],
    output_collection: str,
    scene: str | None = None,
    *,
    inputs: str | dict[str, Any] = "{}",
    outputs: ProcessOutputs = None,
    scene_collection: str | None = None,
    start_datetime: SensingStart = None,
    end_datetime: SensingEnd = None,
    mission: Mission = None,
    product_type: SceneType = None,
    table: TableName = "sentinel",
    source: UsualSource = AuxiliarySource.AUXIP,
    timeout_seconds: Timeout = -1,
    catalog_url: str = "",
    ledger: LedgerName = "default",
    run_key: str = "",
    wait_seconds: float = 600.0,
    deadline_hours: DeadlineHours = None,
    on_cancel: StopWhenCancelled = "cancel",
    on_crash: StopWhenCrashed = "leave",
    plan_only: bool = False,
) -> State[dict[str, Any]]:
    """Stage what a scene needs, execute a process with it once, and publish its outputs as a STAC item.

    Feeds say which product goes into which input of the process; they are checked against the process
    description before anything is staged. If something mandatory cannot be staged, nothing is sent. Run
    again with the same arguments, it goes on where it ended: there is one job and one item.

    Args:
        catalog_collection_identifier: Collection in the catalogue for the auxiliary products, without its
            owner.
        feeds: Which product goes into which input: an auxiliary input of the table by name (orbit), a product
            type (AUX_POEORB), or scene. Only what a feed names is staged.
        output_collection: Collection in the catalogue for what is made, without its owner.
        scene: Product name, or the id of a catalogued item; none if times, mission and product type are
            given.
        inputs: The other inputs of the process, as JSON. In texts, {scene.name}, {scene.start}, {scene.end},
            {scene.mission}, {scene.platform} and {scene.product_type} stand for the scene's own.
        scene_collection: Collection, without its owner, that has the scene; its record is then believed,
            can be given by a feed, and lends its footprint to what is made.
        catalog_url: Where the catalogue is served, like http://catalogue:8081, if it is a local file; links
            to items then are absolute.
        run_key: Any text; with another one all is done once more, on purpose, with products chosen anew.
        wait_seconds: How long this run waits for the job; what takes longer is followed by track-jobs,
            and published when this runs again.
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
