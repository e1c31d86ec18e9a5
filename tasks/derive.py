"""Derive: stage what a scene needs, have a process work on it once, and publish what it made."""

from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from prefect.runtime import flow_run

from eoflows.base.errors import EoError, InvalidInputError, public_url
from eoflows.jobs.ledger import JobFilter, JobRecord
from eoflows.jobs.models import Phase
from eoflows.products.derivation import Execution, Given, Origin, check_chain, derived_item, feed_inputs
from eoflows.products.derivation.feeds import SCENE
from eoflows.products.staging.scene_verdict import SceneVerdict
from eoflows.services.ogc_processes import ProcessDescription
from eoflows.services.ogc_processes.request import OgcRequest
from eoflows.stores.stac.items import ItemDict, product_type
from eoflows.tasks.chain import Chain, Choice
from eoflows.tasks.chain_shown import Steps
from eoflows.tasks.environment import opened
from eoflows.tasks.ogc import ogc_server, open_ogc
from eoflows.tasks.outcome import Outcome
from eoflows.tasks.progress import Link, show, shown_progress
from eoflows.tasks.run_jobs import JobsOutcome, jobs_ended, submit_and_follow
from eoflows.tasks.servers import open_desk, open_server
from eoflows.tasks.stage_scene import stage_for_scene

__all__ = ["publish_derived", "run_chain"]


async def run_chain(chain: Chain) -> Outcome[dict[str, Any]]:
    """Stage, send once, wait a while, collect and publish; or only say what would be done.

    Run again, it goes on where it ended. What was chosen for a job that was sent stays chosen: a better
    product that comes later makes no second job.

    Raises:
        InvalidInputsError: Feeds, inputs or outputs do not fit the process; nothing was done.
        InvalidInputError: A block is missing, or the scene does not say enough.
        EoError: The catalogue, a source or the server cannot be used; nothing was sent.
    """
    process, endpoint = await _described(chain)
    steps = Steps(chain)
    async with shown_progress("process-with-aux-progress", steps.reading):
        outcome, link = await _run(chain, process, endpoint, steps)
    bad, good = steps.sorted_rows
    sentence = f"{outcome.name}. {outcome.sentence}"
    shown = replace(outcome, sentence=sentence, rows=[*bad, *good], attention=len(bad))
    await show("process-with-aux", shown, link=link)
    return outcome


async def _described(chain: Chain) -> tuple[ProcessDescription, str]:
    """Read the process description, and check all that can be checked before anything is touched."""
    async with open_ogc(chain.server) as client:
        process = await client.get_process(chain.process_id)
    check_chain(process, chain.inputs, chain.feeds, products=chain.products, outputs=chain.outputs or ())
    async with opened(chain.env, writable=False) as env:
        address = chain.href(env.catalog, chain.place, "any")
    if any(feed.give == "link" for feed in chain.feeds) and "://" not in address:
        raise InvalidInputError(
            "a feed gives links to items, and this catalogue has no address; give the one at which it is "
            "served as catalog_url, or let the feed give files or item"
        )
    async with open_server("ogc-processes", ogc_server(chain.server)) as server:
        return process, server.endpoint


async def _run(
    chain: Chain, process: ProcessDescription, endpoint: str, steps: Steps
) -> tuple[Outcome[dict[str, Any]], Link | None]:
    choice = await _earlier(chain, endpoint)
    if choice is not None:
        steps.chosen_before(choice)
    else:
        steps.now(10, "selecting and staging")
        verdict = await stage_for_scene(chain.env, chain.order)
        steps.staged(verdict)
        if not verdict.succeeded:
            steps.leave("not sent", "not published")
            sentence = f"Nothing was sent: {verdict.sentence}"
            return Outcome(name="NothingSent", sentence=sentence, result={}, error=verdict.error()), None
        if not chain.staging.plan_only:
            try:
                choice = await _choose(chain, process, verdict)
            except InvalidInputError as error:
                steps.leave("not sent", "not published")
                return Outcome(name="NothingSent", sentence=str(error), result={}, error=error), None
    if chain.staging.plan_only or choice is None:
        steps.leave("was sent" if choice else "would be sent", "would be there")
        steps.now(100, "planned; nothing was touched")
        words = f"{steps.sentence} Nothing was touched."
        return Outcome(name="Planned", sentence=words, result={}), None
    steps.now(40, f"following the job of {chain.process_id}")
    outcome = await submit_and_follow(
        [choice.request],
        ogc_server(chain.server),
        chain.ledger,
        run_key=chain.run_key,
        wait_seconds=chain.wait_seconds,
        deadline_hours=chain.deadline_hours,
    )
    steps.followed(outcome)
    return await _published(chain, process, choice, outcome, steps)


async def _published(
    chain: Chain, process: ProcessDescription, choice: Choice, outcome: JobsOutcome, steps: Steps
) -> tuple[Outcome[dict[str, Any]], Link | None]:
    record = next(iter(outcome.records), None)
    if record is None or outcome.errors or outcome.doubtful or record.phase is not Phase.SUCCEEDED:
        steps.result("not published")
        return jobs_ended(outcome), None
    if record.collected_at is None:
        steps.result("not published")
        words = "the job succeeded, and another run fetches its results; run again to publish"
        return Outcome(name="StillRunning", sentence=words, result=outcome.to_dict()), None
    steps.now(90, "publishing")
    try:
        item, published = await publish_derived(chain, process, choice, record)
    except EoError as error:
        steps.result("not published", str(error))
        words = f"The job succeeded and its results are fetched; run again to publish them: {error}"
        return Outcome(name="NotPublished", sentence=words, result=outcome.to_dict(), error=error), None
    steps.result("published" if published else "already there", _where(item))
    data = {
        "collection": item["collection"],
        "item": item["id"],
        "made_from": [one.item for one in choice.origins],
        **outcome.to_dict(),
    }
    name = "Completed" if published else "AlreadyThere"
    link = Link("item", _link(chain, item), item["id"])
    return Outcome(name=name, sentence=f"{steps.sentence} {item['id']}", result=data), link


async def publish_derived(
    chain: Chain, process: ProcessDescription, choice: Choice, record: JobRecord
) -> tuple[ItemDict, bool]:
    """Put the item of a job whose results are fetched into the catalogue, unless it is there.

    Returns:
        The item, and whether this call has published it.

    Raises:
        CatalogError: The catalogue cannot be used.
    """
    software = {chain.process_id: process.version or "unknown", "eoflows": _version()}
    execution = Execution(
        chain.process_id,
        record.endpoint.partition("#")[0],
        str(record.remote_id),
        record.finished_at or record.changed_at,
        software,
    )
    item = derived_item(
        chain.item_id,
        chain.staging.scene,
        choice.origins,
        execution,
        record.outputs or {},
        like=chain.scene_item,
        run=str(flow_run.id or ""),
    )
    async with opened(chain.env) as env:
        known = await env.catalog.get(chain.place, chain.item_id)
        if known is not None and known["assets"] == item["assets"]:
            return known, False
        await env.catalog.upsert(chain.place, [item])
    return {**item, "collection": chain.place}, True


async def _earlier(chain: Chain, endpoint: str) -> Choice | None:
    """Give what was chosen before, if a job may have been made of it; else products are chosen anew."""
    async with opened(chain.env, writable=False) as env:
        choice = await Choice.read(env.storage, chain.document)
    if choice is None:
        return None
    key = choice.key(endpoint, chain.run_key)
    async with open_desk(chain.ledger) as desk:
        found = await desk.ledger.jobs(JobFilter(keys=(key,)))
    return choice if any(not record.sendable for record in found) else None


async def _choose(chain: Chain, process: ProcessDescription, verdict: SceneVerdict) -> Choice:
    """Make the request, and write it down with the items that are in it."""
    given = [Given(one.name, one.product_type, one.staging.items) for one in verdict.inputs if one.staging]
    if chain.scene_item is not None:
        given.append(Given(SCENE, product_type(chain.scene_item) or "", [chain.scene_item]))
    async with opened(chain.env) as env:

        def address(item: ItemDict) -> str:
            return chain.href(env.catalog, str(item["collection"]), item["id"])

        inputs = feed_inputs(process, chain.inputs, chain.feeds, given, address)
        fed = {SCENE, *(feed.product for feed in chain.feeds)}
        origins = [
            Origin(one.name, item["id"], address(item))
            for one in given
            if fed & set(one.names)
            for item in one.items
        ]
        outputs = dict(chain.outputs) if chain.outputs else None
        choice = Choice(OgcRequest(process_id=chain.process_id, inputs=inputs, outputs=outputs), origins)
        await choice.write(env.storage, chain.document)
    return choice


def _version() -> str:
    try:
        return version("eoflows")
    except PackageNotFoundError:
        return "unknown"


def _where(item: ItemDict) -> str:
    return public_url(next((str(asset["href"]) for asset in item["assets"].values()), ""))


def _link(chain: Chain, item: ItemDict) -> str:
    """Where a person finds the item: in the served catalogue, else the first of its files."""
    served = chain.catalog_url.rstrip("/")
    return f"{served}/collections/{item['collection']}/items/{item['id']}" if served else _where(item)
