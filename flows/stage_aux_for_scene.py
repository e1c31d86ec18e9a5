"""Stage all auxiliary products that a scene needs."""

from datetime import datetime

from prefect import flow
from prefect.client.schemas.objects import State

from eoflows.products.environment import AuxiliarySource, FlowEnvArgs
from eoflows.products.selection.table import load_table
from eoflows.tasks.incident import tell_incident
from eoflows.tasks.outcome import OnFailure
from eoflows.tasks.stage import Staged, Timeout, staged
from eoflows.tasks.stage_scene import SceneOrder, scene_of, stage_for_scene

__all__ = ["stage_aux_for_scene"]


@flow(
    name="stage-aux-for-scene",
    flow_run_name="stage for {scene} into {catalog_collection_identifier} for {env.owner_id}",
    on_completion=[tell_incident],
    on_failure=[tell_incident],
)
async def stage_aux_for_scene(
    env: FlowEnvArgs,
    catalog_collection_identifier: str,
    scene: str | None = None,
    *,
    scene_collection: str | None = None,
    start_datetime: datetime | str | None = None,
    end_datetime: datetime | str | None = None,
    mission: str | None = None,
    product_type: str | None = None,
    table: str = "sentinel",
    timeout_seconds: Timeout = -1,
    source: AuxiliarySource = AuxiliarySource.AUXIP,
    on_failure: OnFailure = "return",
    plan_only: bool = False,
    from_run: str | None = None,
) -> State[Staged]:
    """Stage the auxiliary products that a table names for a scene, each type by its policy.

    One row per auxiliary input tells how it ended. A scene that lacks a mandatory input is not complete,
    whatever else was staged. Run again, it stages only what is still missing.

    Args:
        env: Who for, and in which environment.
        catalog_collection_identifier: Collection in the catalogue for what is staged, without its owner.
        scene: Product name, like S3A_OL_0_EFR____20250807T115112_20250807T115412_..., or the id of a
            catalogued item; none if times, mission and product type are given.
        scene_collection: Collection, without its owner, that has the scene; its record is then believed,
            not its name.
        start_datetime: Start of the sensing, in place of the scene's own; UTC where no zone is given.
        end_datetime: End of the sensing, in place of the scene's own; UTC where no zone is given.
        mission: Like sentinel-1, or with the satellite sentinel-1a; in place of the scene's own.
        product_type: Product type of the scene, like OL_0_EFR___; in place of its own.
        table: Name of a shipped table (sentinel), or path of a JSON file on the worker.
        timeout_seconds: Limit of each search in seconds; -1 and 0 are none.
        source: Where to search, if the table says nothing else.
        on_failure: `fail` ends the run Failed when something is lacking; `return` gives False.
        plan_only: Show what would be staged, how many bytes and why, and touch nothing.
        from_run: Id of an earlier flow run for this scene; only the inputs that it did not bring are
            looked at.

    Returns:
        Whether the scene has all that it must have and nothing failed, and the catalogue's items (None
        when there are none).

    Raises:
        PartialError: Something is lacking and `on_failure` is `fail`.
        InvalidInputError: An argument, the table or the earlier run cannot be used, or the table has no rule
            for the scene.
    """
    given = (start_datetime, end_datetime, mission, product_type)
    known, _ = await scene_of(env, scene, scene_collection, given)
    order = SceneOrder(
        known,
        load_table(table).inputs(known),
        catalog_collection_identifier,
        source,
        timeout_seconds,
        plan_only,
        from_run,
    )
    return staged(await stage_for_scene(env, order)).state(on_failure)
