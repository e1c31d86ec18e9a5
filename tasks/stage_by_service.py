"""Stage by RS-Server's staging service: jobs in the ledger, and then what the catalogue says."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import count
from typing import Any

import anyio
from prefect import task
from prefect.cache_policies import NO_CACHE
from pystac import ItemCollection

from eoflows.base.errors import InvalidInputError
from eoflows.base.tracing import span
from eoflows.jobs.ledger import JobFilter, JobRecord, Ledger
from eoflows.jobs.models import OPEN, Phase, Recognition, intent_key
from eoflows.jobs.service import JobServer
from eoflows.jobs.tracker import track_round
from eoflows.jobs.wait import wait_for_jobs
from eoflows.products.environment import FlowEnv, FlowEnvArgs, StagingService
from eoflows.products.staging import ItemPlan, ItemRecord, Outcome, Place, Stager
from eoflows.products.staging.by_service import (
    PROCESS,
    StationJob,
    by_station,
    item_ids,
    job_document,
    staging_requests,
)
from eoflows.products.staging.service_input import StacInput, read_stac_input
from eoflows.services.ogc_processes.request import OgcRequest
from eoflows.services.ogc_processes.service import OgcService
from eoflows.stores.stac.items import ItemDict
from eoflows.tasks.environment import opened
from eoflows.tasks.job_submission import submit_jobs
from eoflows.tasks.job_tracking import tell_finished
from eoflows.tasks.logs import run_logger
from eoflows.tasks.ogc import ogc_server
from eoflows.tasks.servers import Desk, open_desk, open_server

__all__ = ["ServiceStaged", "stage_by_service", "stage_input", "staging_task"]

_PATIENCE, _PAUSE = 60.0, 0.5
_GRACE = timedelta(minutes=2)
"""After a job's deadline, for the round that ends it."""

Changed = Callable[[Sequence[JobRecord]], None]


@dataclass(frozen=True)
class ServiceStaged:
    """What became of items that the service was to stage.

    Attributes:
        jobs: By host of the station, the job as the service writes it; a failed one says so.
        records: Outcome of each item, as the catalogue then has it.
    """

    jobs: Mapping[str, dict[str, Any]]
    records: list[ItemRecord]


async def stage_by_service(
    flow_env: FlowEnv,
    collection: str,
    items: Sequence[ItemDict],
    asset_names: Collection[str] | None,
    *,
    pause: float = _PAUSE,
    on_change: Changed = lambda records: None,
) -> ServiceStaged:
    """Have the staging service stage items that the catalogue lacks, and wait until it has.

    An item that a job is already staging is not sent again: that job is waited for.

    Args:
        flow_env: The opened environment.
        collection: Collection in the catalogue, without its owner.
        items: What to stage.
        asset_names: Keys of the wanted assets; None takes all.
        pause: Seconds between the first two looks at the jobs; later ones are further apart.
        on_change: Called with the jobs after each look.

    Raises:
        InvalidInputError: The environment has no staging service, or a block is missing.
        LedgerError: The ledger cannot be used.
        CatalogError: The catalogue cannot be used.
    """
    service = _service(flow_env)
    place = Place(flow_env.owner_id, collection)
    stager = Stager(place, flow_env.catalog, flow_env.storage, flow_env.engine, selected=asset_names)
    plans, settled = await stager.plan(items)
    wanted = [plan.item for plan in plans]
    jobs: list[StationJob] = []
    if wanted:
        async with open_desk(service.ledger) as desk:
            jobs = await _Jobs(desk, service, collection, asset_names).make(wanted)
            jobs = await _followed(desk, jobs, service, pause, on_change)
    lacking, _ = await stager.plan(wanted)
    records = [*settled, *_outcomes(plans, {plan.item["id"]: plan for plan in lacking}, jobs)]
    return ServiceStaged(_documents(by_station(items, asset_names), jobs, records), records)


def _service(flow_env: FlowEnv) -> StagingService:
    if flow_env.service is None:
        raise InvalidInputError(
            f"environment {flow_env.args.environment!r} has no staging service; name the block of its server "
            "in `staging_server`"
        )
    return flow_env.service


class _Jobs:
    """Finds the jobs that stage items already, and makes those that are missing."""

    def __init__(
        self, desk: Desk, service: StagingService, collection: str, asset_names: Collection[str] | None
    ) -> None:
        self._desk, self._service = desk, service
        self._collection, self._names = collection, asset_names
        self._server = ogc_server(service.server)

    async def make(self, items: Sequence[ItemDict]) -> list[StationJob]:
        """Give the jobs that stage all of the items."""
        async with open_server(OgcService.name, self._server) as server:
            going = await self._under_way(server, _ids(items))
            endpoint = server.endpoint
        jobs = [
            StationJob(station, ids, row, "" if row.remote_id else row.message)
            for row in going
            for station, mine in by_station(items, self._names).items()
            if (ids := self._staged_by(row) & _ids(mine))
        ]
        taken = frozenset[str]().union(*map(self._staged_by, going))
        free = [item for item in items if item["id"] not in taken]
        for station, mine in by_station(free, self._names).items():
            for request in staging_requests(mine, self._collection, self._names):
                jobs.append(await self._send(station, request, endpoint))
        return jobs

    def _staged_by(self, row: JobRecord) -> frozenset[str]:
        return item_ids(row.request, self._collection)

    async def _under_way(self, server: JobServer[Any], ids: frozenset[str]) -> list[JobRecord]:
        """Give the jobs that stage some of the items at the moment, or may be.

        Where the service can tell what became of a request without an answer, it is asked first.
        """
        ledger = self._desk.ledger
        place = (server.service.name, server.endpoint)
        phases = (Phase.SENDING, Phase.UNKNOWN, *sorted(OPEN))
        wanted = JobFilter(service=place[0], endpoint=place[1], process=PROCESS, phases=phases)

        async def going() -> list[JobRecord]:
            return [row for row in await ledger.jobs(wanted) if self._staged_by(row) & ids]

        with anyio.move_on_after(_PATIENCE):
            while any(_tells(server, row, ledger) for row in await going()):
                await track_round(ledger, open_server, only={place}, older_than=0.0)
                await anyio.sleep(_PAUSE)
        return await going()

    async def _send(self, station: str, request: OgcRequest, endpoint: str) -> StationJob:
        (done,) = await submit_jobs(
            self._desk,
            [request],
            self._server,
            run_key=await _run_key(self._desk.ledger, endpoint, request),
            deadline=timedelta(hours=self._service.hours),
        )
        ids = item_ids(request.model_dump(), self._collection)
        return StationJob(station, ids, done.record, done.error)


def _ids(items: Sequence[ItemDict]) -> frozenset[str]:
    return frozenset(str(item["id"]) for item in items)


def _tells(server: JobServer[Any], row: JobRecord, ledger: Ledger) -> bool:
    """Whether more will be known soon of a row of which nobody knows whether it is a job."""
    held = row.lease_until is not None and row.lease_until > ledger.now()
    return row.doubtful and (held or server.recognition is not Recognition.NONE)


async def _run_key(ledger: Ledger, endpoint: str, request: OgcRequest) -> str:
    """Name this attempt: a job that has ended stays as it is, and the next run makes another."""
    for number in count():
        run_key = str(number) if number else ""
        rows = await ledger.jobs(JobFilter(keys=(intent_key(endpoint, request, run_key),)))
        if not rows or rows[0].sendable or not rows[0].closed:
            return run_key
    raise AssertionError("numbers do not end")


async def _followed(
    desk: Desk, jobs: Sequence[StationJob], service: StagingService, pause: float, on_change: Changed
) -> list[StationJob]:
    """Wait until the jobs have ended, or their deadline ends them; give them as they are then."""
    keys = [one.record.key for one in jobs if one.record is not None and one.record.remote_id]
    if not keys:
        return list(jobs)
    until = desk.ledger.now() + timedelta(hours=service.hours) + _GRACE
    rows = await wait_for_jobs(
        desk.ledger, open_server, list(dict.fromkeys(keys)), until=until, shortest=pause, on_change=on_change
    )
    await tell_finished(desk)
    ended = {row.key: row for row in rows}
    return [
        StationJob(one.station, one.ids, one.record and ended.get(one.record.key, one.record), one.error)
        for one in jobs
    ]


def _outcomes(
    plans: Sequence[ItemPlan], lacking: Mapping[str, ItemPlan], jobs: Sequence[StationJob]
) -> list[ItemRecord]:
    """Compare what was lacking before with what is lacking now."""
    responsible = {item: job for job in jobs for item in job.ids}
    records = []
    for plan in plans:
        now = lacking.get(plan.item["id"])
        if now is None:
            records.append(plan.record(Outcome.STAGED))
            continue
        job = responsible.get(plan.item["id"])
        why = job.why if job is not None else "no job"
        if job is not None and job.succeeded:
            why += f" and yet it is {now.reason}; the service leaves alone what is catalogued already"
        records.append(ItemRecord(plan.item["id"], Outcome.FAILED, why, 0, len(now.assets)))
    return records


def _documents(
    stations: Mapping[str, Sequence[ItemDict]], jobs: Sequence[StationJob], records: Sequence[ItemRecord]
) -> dict[str, dict[str, Any]]:
    """Give a job per station; where none was needed or none was possible, that in the same form."""
    found: dict[str, dict[str, Any]] = {}
    for station, items in stations.items():
        mine = [job for job in jobs if job.station == station]
        ids = _ids(items)
        failed = [one for one in records if one.item in ids and one.outcome is Outcome.FAILED]
        if mine:
            found[station] = job_document(mine)
        else:
            status, message = (
                ("failed", failed[0].reason) if failed else ("successful", "in the catalogue already")
            )
            found[station] = {"jobID": None, "status": status, "message": message, "phase": "none"}
    return found


async def stage_input(
    env: FlowEnvArgs,
    stac_input: ItemCollection | StacInput,
    collection: str,
    asset_names: list[str] | None,
    poll_interval: float,
    on_change: Changed = lambda records: None,
) -> ServiceStaged:
    """Read items and have the staging service stage them: the body that flow and task share."""
    with span(env.service_name, "staging", env.calling_span) as here:
        env = env.model_copy(update={"calling_span": here})
        async with opened(env, writable=False) as flow_env:
            _service(flow_env)
            given = (
                stac_input.to_dict(transform_hrefs=False)
                if isinstance(stac_input, ItemCollection)
                else stac_input
            )
            items = await read_stac_input(given, flow_env.document)
            run_logger().info("%d items are to be staged into %s", len(items), collection)
            return await stage_by_service(
                flow_env, collection, items, asset_names, pause=poll_interval, on_change=on_change
            )


@task(name="staging", cache_policy=NO_CACHE, persist_result=False)
async def staging_task(
    env: FlowEnvArgs,
    stac_input: ItemCollection | StacInput,
    collection: str,
    asset_names: list[str] | None = None,
    poll_interval: float = 2,
) -> dict[str, dict[str, Any]]:
    """Stage items by RS-Server's staging service, one job per station, as a task of another flow.

    Args:
        env: Who for, and in which environment.
        stac_input: A Feature or FeatureCollection: as ItemCollection, dict, JSON text, absolute path of a
            .json file, or URL.
        collection: Collection in the catalogue, without its owner.
        asset_names: Keys of the assets to stage; None takes all.
        poll_interval: Seconds between the first two looks at a job; later ones are further apart.

    Returns:
        By host of the station, the job as the service writes it. A job that failed is no error here: its
        `status` says so, and its `message` says why.

    Raises:
        InvalidInputError: The input cannot be read, or the environment has no staging service.
        LedgerError: The ledger cannot be used.
    """
    staged = await stage_input(env, stac_input, collection, asset_names, poll_interval)
    return dict(staged.jobs)
