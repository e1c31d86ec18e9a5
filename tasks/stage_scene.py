"""Stage all that a scene needs: one auxiliary input after the other, each with its alternatives."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from eoflows.base.errors import EoError, InvalidInputError
from eoflows.products.environment import AuxiliarySource, FlowEnvArgs
from eoflows.products.selection import wire_filter
from eoflows.products.selection.alternatives import Finding, Trail, first_found
from eoflows.products.selection.scene import Scene
from eoflows.products.selection.table import Alternative, AuxiliaryInput
from eoflows.products.staging import ItemRecord, Place
from eoflows.products.staging.scene_verdict import InputVerdict, SceneVerdict
from eoflows.products.staging.verdict import StagingVerdict
from eoflows.stores.stac.items import ItemDict
from eoflows.tasks.earlier import failed_inputs, store_scene
from eoflows.tasks.environment import opened
from eoflows.tasks.outcome import Row
from eoflows.tasks.progress import show, shown_progress
from eoflows.tasks.publish import human_bytes, product_row
from eoflows.tasks.stage import Order, stage_aux, staged

__all__ = ["SceneOrder", "scene_of", "stage_for_scene"]

_KEY = "stage-aux-for-scene"


@dataclass(frozen=True)
class SceneOrder:
    """What to stage for a scene, and how.

    Attributes:
        scene: The scene.
        inputs: What it needs.
        collection: Collection in the catalogue, without its owner.
        source: Where to search, if an alternative says nothing else.
        timeout_seconds: Limit of each search in seconds; -1 and 0 are none.
        plan_only: Show what would be done, and touch nothing.
        from_run: An earlier run for this scene; only the inputs that it did not bring are looked at.
    """

    scene: Scene
    inputs: Sequence[AuxiliaryInput]
    collection: str
    source: AuxiliarySource = AuxiliarySource.AUXIP
    timeout_seconds: int = -1
    plan_only: bool = False
    from_run: str | None = None

    def order(self, needed: AuxiliaryInput, alternative: Alternative) -> Order:
        """Give the order for one alternative of an input.

        Raises:
            InvalidInputError: It cannot be told which products are wanted.
        """
        wanted = needed.wanted(alternative, self.scene)
        source = AuxiliarySource(alternative.source) if alternative.source else self.source
        search: dict[str, object] = {"filter": wire_filter(wanted)}
        if source is AuxiliarySource.CATALOG:
            search["collections"] = [self.collection]
        return Order.read(search, self.collection, self.timeout_seconds, source, None, self.plan_only, wanted)


async def scene_of(
    env: FlowEnvArgs,
    scene: str | None,
    collection: str | None,
    given: tuple[datetime | str | None, datetime | str | None, str | None, str | None],
) -> tuple[Scene, ItemDict | None]:
    """Give the scene, and its item if it is a catalogued one.

    Args:
        env: Who for, and in which environment.
        scene: Product name, or the id of an item in `collection`; None if all else is given.
        collection: Collection, without its owner, that has it; its record is then believed.
        given: Start, end, mission and product type, in place of the scene's own.

    Raises:
        InvalidInputError: The name cannot be read, the catalogue does not have it, or too little is given.
    """
    if scene is None:
        return Scene.described(*given), None
    if collection is None:
        return Scene.from_name(scene).changed(*given), None
    place = Place(env.owner_id, collection).catalog_collection
    async with opened(env, writable=False) as flow_env:
        item = await flow_env.catalog.get(place, scene)
    if item is None:
        raise InvalidInputError(f"the catalogue has no item {scene!r} in {place!r}")
    return Scene.from_item(item).changed(*given), item


async def stage_for_scene(env: FlowEnvArgs, order: SceneOrder) -> SceneVerdict:
    """Stage every auxiliary input of a scene, and show a row for each.

    Raises:
        InvalidInputError: The environment or the earlier run cannot be used, or the scene does not say
            enough.
    """
    for needed in order.inputs:
        for alternative in needed.alternatives:
            order.order(needed, alternative)
    scene = str(order.scene)
    async with opened(env, writable=not order.plan_only) as flow_env:
        storage, owner, wanted = flow_env.storage, flow_env.owner_id, order.inputs
        if order.from_run:
            failed = await failed_inputs(storage, owner, order.from_run, scene)
            wanted = [one for one in order.inputs if one.name in failed]
        done: list[InputVerdict] = []
        async with shown_progress(f"{_KEY}-progress", lambda: _reading(done, len(wanted))):
            for one in wanted:
                done.append(await _input(env, order, one))
        verdict = SceneVerdict(scene, done)
        if not order.plan_only:
            await store_scene(storage, owner, scene, [one.record for one in verdict.inputs])
    bad, good = _rows(verdict)
    await show(_KEY, replace(staged(verdict), rows=[*bad, *good], attention=len(bad)))
    return verdict


def _reading(done: Sequence[InputVerdict], wanted: int) -> tuple[float, str]:
    size = sum(one.staging.report.bytes_staged for one in done if one.staging)
    words = f"{len(done)} of {wanted} auxiliary inputs, {human_bytes(size)} moved"
    return 100.0 * len(done) / max(1, wanted), words


def _rows(verdict: SceneVerdict) -> tuple[list[Row], list[Row]]:
    """Give a row per input, then one per product; those that need attention, and the others."""
    reports = [(one.name, one.product_type, one.staging.report) for one in verdict.inputs if one.staging]

    def products(name: str, kind: str, records: Iterable[ItemRecord]) -> list[Row]:
        return [{"auxiliary": name, "type": kind, "products": 1, **product_row(record)} for record in records]

    bad: list[Row] = [one.row for one in verdict.inputs if not one.succeeded]
    good: list[Row] = [one.row for one in verdict.inputs if one.succeeded]
    for name, kind, report in reports:
        bad += products(name, kind, report.failures)
        good += products(name, kind, report.others)
    return bad, good


async def _input(env: FlowEnvArgs, order: SceneOrder, needed: AuxiliaryInput) -> InputVerdict:
    async def search(alternative: Alternative) -> StagingVerdict:
        verdict = await stage_aux(env, order.order(needed, alternative))
        if verdict.report.cut and not verdict.report.found:
            # What did not come may fit: that is not absent.
            raise verdict.report.cut
        return verdict

    try:
        trail = await first_found(
            needed.alternatives,
            search,
            is_found=lambda verdict: verdict.report.found > 0,
            next_when=needed.next_when,
        )
    except EoError as error:
        return InputVerdict(needed.name, "failed", needed.mandatory, why=f"{type(error).__name__}: {error}")
    why = _told(trail)
    if trail.result is None:
        return InputVerdict(needed.name, str(trail.finding), needed.mandatory, why=why)
    kind = trail.attempts[-1].alternative.product_type
    return InputVerdict.of(needed.name, needed.mandatory, trail.result, kind, why)


def _told(trail: Trail[Alternative, StagingVerdict]) -> str:
    parts = []
    for attempt in trail.attempts:
        ending = attempt.reason or str(attempt.finding)
        if attempt.finding is Finding.FOUND and trail.result is not None:
            records = [*trail.result.report.failures, *trail.result.report.others]
            reasons = [
                f"{record.item}: {record.reason}" for record in records if record.outcome != "passed over"
            ]
            ending = " | ".join([trail.result.sentence, *reasons[:3]])
        parts.append(f"{attempt.alternative.product_type}: {ending}")
    return "; ".join(parts)
