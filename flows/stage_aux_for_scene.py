"""Stage all auxiliary products that a scene needs."""

from prefect import flow
from prefect.client.schemas.objects import State

from eoflows.products.environment import AuxiliarySource
from eoflows.products.selection.table import load_table
from eoflows.tasks.incident import tell_incident
from eoflows.tasks.outcome import OnFailure
from eoflows.tasks.parameters import described
from eoflows.tasks.product_parameters import (
    Environment,
    Mission,
    PlanOnly,
    SceneType,
    SensingEnd,
    SensingStart,
    TableName,
    Timeout,
    UsualSource,
)
from eoflows.tasks.stage import Staged, staged
from eoflows.tasks.stage_scene import SceneOrder, scene_of, stage_for_scene

__all__ = ["stage_aux_for_scene"]


@flow(
    name="stage-aux-for-scene",
    flow_run_name="stage for {scene} into {catalog_collection_identifier} for {env.owner_id}",
    on_completion=[tell_incident],
    on_failure=[tell_incident],
)
@described
async def stage_aux_for_scene(
    env: Environment,
    catalog_collection_identifier: str,
    scene: str | None = None,
    *,
    scene_collection: str | None = None,
    start_datetime: SensingStart = None,
    end_datetime: SensingEnd = None,
    mission: Mission = None,
    product_type: SceneType = None,
    table: TableName = "sentinel",
    timeout_seconds: Timeout = -1,
    source: UsualSource = AuxiliarySource.AUXIP,
    on_failure: OnFailure = "return",
    plan_only: PlanOnly = False,
    from_run: str | None = None,
) -> State[Staged]:
    """Stage the auxiliary products that a table names for a scene, each type by its policy.

    One row per auxiliary input tells how it ended. A scene that lacks a mandatory input is not complete,
    whatever else was staged. Run again, it stages only what is still missing.

    Args:
        catalog_collection_identifier: Collection in the catalogue for what is staged, without its owner.
        scene: Product name, like S3A_OL_0_EFR____20250807T115112_20250807T115412_..., or the id of a
            catalogued item; none if times, mission and product type are given.
        scene_collection: Collection, without its owner, that has the scene; its record is then believed,
            not its name.
        on_failure: `fail` ends the run Failed when something is lacking; `return` gives False.
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
