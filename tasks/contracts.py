"""Flight checks: each service is asked the smallest real questions; nothing is made or paid."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

import anyio
from pydantic import BaseModel, ConfigDict, Field

from eoflows.base.errors import ContractError, EoError, InvalidInputError
from eoflows.base.http import RenewedToken
from eoflows.base.times import parse_utc
from eoflows.blocks import EarthEngineProject, GeoEngineServer, OgcProcessesServer, TileGrid, Up42Credentials
from eoflows.blocks.earth_engine import PreArdStore
from eoflows.products.environment import FlowEnvArgs
from eoflows.services.contracts import CONTRACTS, Flight, Verdict, fly
from eoflows.services.ogc_processes.validation import validate_inputs
from eoflows.services.up42.client import Up42Client
from eoflows.services.up42.offers import make_offers, requests_for
from eoflows.stores.stac import SearchRequest, StacClient
from eoflows.tasks.environment import opened
from eoflows.tasks.load import load_block, load_server
from eoflows.tasks.outcome import Outcome

if TYPE_CHECKING:
    from eoflows.services.earth_engine.project import EarthEngineServer

__all__ = ["Probe", "check_all", "checked"]

Ask = Callable[[], Awaitable[object]]

_ORDER = {Verdict.CHANGED: 0, Verdict.UNREACHABLE: 1, Verdict.REFUSED: 2, Verdict.FINE: 3}
_ENDINGS = {
    Verdict.CHANGED: "ContractChanged",
    Verdict.UNREACHABLE: "Unreachable",
    Verdict.REFUSED: "Refused",
}
_NEWS = 5


class Probe(BaseModel):
    """A server to ask, and what to ask it about."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    server: str = Field(description="The server's block as type-slug/name, like up42-credentials/my-account.")
    about: str = Field(
        default="",
        description="Id of a process (OGC, UP42) or image collection (Earth Engine); empty: only lists.",
    )
    inputs: dict[str, Any] = Field(
        default_factory=dict,
        description="OGC and UP42: inputs that are validated, and priced, never executed (UP42: empty takes "
        "the first item in storage). Geo Engine: a workflow whose description is read. Earth Engine: `grid`, "
        "`tile`, `start` and `end` of images that are listed, and `store`, a bucket that is.",
    )


async def check_all(env: FlowEnvArgs | None, probes: Sequence[Probe]) -> list[Flight]:
    """Ask the sources of an environment, and servers; one that fails harms no other. Logins are asked too.

    Args:
        env: Who for, and in which environment; None: no sources are asked.
        probes: Servers to ask.

    Returns:
        A flight per call, in the order of asking.
    """
    RenewedToken.forget()
    flights = [] if env is None else await _check_sources(env)
    for probe in probes:
        flights += await _guarded(probe.server, partial(_check_server, probe))
    return flights


async def _guarded(service: str, work: Callable[[], Awaitable[list[Flight]]]) -> list[Flight]:
    try:
        return await work()
    except EoError as error:
        return [Flight(service, "-", Verdict.REFUSED, (str(error).splitlines()[0],))]


async def _check_sources(env: FlowEnvArgs) -> list[Flight]:
    async def ask_all() -> list[Flight]:
        async with opened(env, writable=False) as flow_env:
            return [
                flight
                for source in flow_env.sources
                for flight in await fly(
                    f"source {source}", CONTRACTS["stac"], partial(_ask_stac, flow_env.client(source))
                )
            ]

    return await _guarded(f"environment {env.environment}", ask_all)


async def _ask_stac(client: StacClient) -> None:
    async for _ in client.pages(SearchRequest(limit=1), timeout=60):
        return


async def _check_server(probe: Probe) -> list[Flight]:
    block = await load_server(probe.server)
    for kind, (service, opening) in _SERVERS.items():
        if isinstance(block, kind):
            async with opening(block, probe) as ask:
                return await fly(probe.server, CONTRACTS[service], ask)
    known = ", ".join(kind.get_block_type_slug() for kind in _SERVERS)
    raise InvalidInputError(f"block {probe.server!r} is of no service that is checked: {known}")


@asynccontextmanager
async def _ogc(block: OgcProcessesServer, probe: Probe) -> AsyncIterator[Ask]:
    async with block.open() as client:

        async def ask() -> None:
            await client.get_conformance()
            await client.get_processes()
            if probe.about:
                faults = validate_inputs(await client.get_process(probe.about), probe.inputs)
                if faults and probe.inputs:
                    raise ContractError(
                        f"process {probe.about!r} does not take the inputs any more: {faults[0]}"
                    )

        yield ask


@asynccontextmanager
async def _up42(block: Up42Credentials, probe: Probe) -> AsyncIterator[Ask]:
    async with block.open() as client:

        async def ask() -> None:
            await client.processes()
            if probe.about:
                await _price(client, probe)

        yield ask


async def _price(client: Up42Client, probe: Probe) -> None:
    """Have a process validate and price the inputs of the probe, or the first item in storage."""
    described = await client.process(probe.about)
    if not await client.eula(described):
        raise InvalidInputError(f"the EULA of {probe.about!r} is not accepted; accept it in UP42's console")
    hrefs: list[str] = []
    if not probe.inputs:
        async for page in client.storage.pages(SearchRequest(limit=1)):
            hrefs += [str(one["href"]) for one in page[0]["links"] if one.get("rel") == "self"]
    for offer in await make_offers(client, requests_for(described, "flight check", hrefs, probe.inputs)):
        if offer.refusal:
            raise ContractError(f"{probe.about!r} does not take the inputs: {offer.refusal}")


@asynccontextmanager
async def _geo_engine(block: GeoEngineServer, probe: Probe) -> AsyncIterator[Ask]:
    from eoflows.services.geo_engine.workflow import submit_workflow  # noqa: PLC0415

    async with block.open() as client:

        async def ask() -> None:
            await client.profile()
            if probe.inputs:
                # The same definition has the same id: nothing is made by asking again.
                await submit_workflow(client, probe.inputs)

        yield ask


@asynccontextmanager
async def _earth_engine(block: EarthEngineProject, probe: Probe) -> AsyncIterator[Ask]:
    async with block.open_jobs() as opened_jobs:
        server = cast("EarthEngineServer", opened_jobs)

        async def ask() -> None:
            await server.ask(server.service.algorithms())  # type: ignore[attr-defined]
            async for _ in server.states(process=None, since=datetime.now(UTC)):
                break
            if probe.about:
                await _list_images(server, probe)
            if store := probe.inputs.get("store"):
                bucket = await load_block(PreArdStore, store)
                async with bucket.open().open() as found:
                    await found.list("_flight_check/")

        yield ask


async def _list_images(server: "EarthEngineServer", probe: Probe) -> None:
    from eoflows.services.earth_engine.collections import collection_spec  # noqa: PLC0415

    try:
        grid_name, index = str(probe.inputs["grid"]), tuple(probe.inputs["tile"])
        span = parse_utc(probe.inputs["start"]), parse_utc(probe.inputs["end"])
    except KeyError as missing:
        raise InvalidInputError(f"to list images of {probe.about!r}, give {missing} in `inputs`") from missing
    block = await load_block(TileGrid, grid_name)
    tile = await anyio.to_thread.run_sync(lambda: block.open()[index])
    await server.scenes(collection_spec(probe.about), tile, span)


_SERVERS: Mapping[Any, tuple[str, Any]] = {
    OgcProcessesServer: ("ogc-processes", _ogc),
    Up42Credentials: ("up42", _up42),
    GeoEngineServer: ("geo-engine", _geo_engine),
    EarthEngineProject: ("earth-engine", _earth_engine),
}


def _row(flight: Flight) -> dict[str, str]:
    more = len(flight.news) - _NEWS
    return {
        "service": flight.service,
        "call": flight.call,
        "state": str(flight.verdict),
        "found": "; ".join(flight.found),
        "new fields": ", ".join(flight.news[:_NEWS]) + (f" and {more} more" if more > 0 else ""),
    }


def checked(flights: Sequence[Flight]) -> Outcome[int]:
    """Give the outcome, named after the worst that was found; its sentence has the field."""
    ordered = sorted(flights, key=lambda flight: _ORDER[flight.verdict])
    rows, none = [_row(flight) for flight in ordered], {"service": "none"}
    bad = [flight for flight in ordered if flight.verdict is not Verdict.FINE]
    if not bad:
        sentence = f"{len(flights)} calls, all as they should be."
        return Outcome(sentence=sentence, result=len(flights), rows=rows, nothing=none)
    lines = [f"{one.service}, {one.call}: {'; '.join(one.found)}" for one in bad[:5]]
    more = f" And {len(bad) - 5} more." if len(bad) > 5 else ""
    return Outcome.failed(
        _ENDINGS[bad[0].verdict],
        "\n".join(lines) + more,
        len(flights),
        rows=rows,
        attention=len(bad),
        nothing=none,
    )
