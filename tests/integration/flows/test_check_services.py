"""Flight checks: unchanged services are fine, and a changed field is named; nothing is made or paid."""

import copy
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from flow_runs import run, sandbox_parameters
from pydantic import ValidationError

from eoflows.base.errors import EoError
from eoflows.base.http.witness import witnessed
from eoflows.flows.check_services import check_services
from eoflows.sandbox.faults import Fault
from eoflows.services.contracts import CONTRACTS, Contract, breaches
from eoflows.services.earth_engine.bucket_calls import read_page
from eoflows.services.earth_engine.operations import read_operation
from eoflows.services.earth_engine.scenes import read_scenes
from eoflows.services.geo_engine.descriptors import read_descriptor
from eoflows.services.ogc_processes.models import ProcessDescription, ProcessList
from eoflows.services.up42.answers import read_cost, read_processes
from eoflows.stores.stac.items import checked_item
from eoflows.tasks.contracts import Probe, check_all

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def probes() -> list[Probe]:
    """What the deployment `sandbox` asks."""
    (parameters,) = (
        found for entrypoint, found in sandbox_parameters("sandbox").items() if "check_services" in entrypoint
    )
    return [Probe(**one) for one in parameters["servers"]]


async def test_unchanged_services_are_fine(place, probes):
    done = await run(check_services, place.env, probes)
    rows = done.artifacts["check-services"]["data"]
    assert (done.state.name, {row["state"] for row in rows}) == ("Completed", {"fine"}), rows
    asked = {row["service"] for row in rows}
    assert asked == {f"source {name}" for name in ("auxip", "cadip", "prip", "cdse")} | {
        p.server for p in probes
    }
    made = [entry.path for entry in place.box.log.entries(since=place.since) if entry.method == "POST"]
    assert [path for path in made if "execution" in path or "export" in path or path.endswith("/jobs")] == []


async def test_what_is_no_document_any_more_is_told(place, probes):
    only = [one for one in probes if one.server.startswith("ogc")]
    with place.box.faults.active(Fault("error_page", path="/ogc/processes")):
        done = await run(check_services, None, only)
    assert done.state.name == "ContractChanged"
    assert "GET /ogc/processes: the document: is no JSON" in done.state.message


async def test_a_path_that_is_gone_a_refusal_and_silence_are_told_apart(place, probes):
    only = [one for one in probes if one.server.startswith("ogc")]
    gone = [only[0].model_copy(update={"about": "nowhere"})]
    done = await run(check_services, None, gone)
    assert (done.state.name, "404" in done.state.message) == ("ContractChanged", True)
    with place.box.faults.active(Fault("forbidden", path="/ogc/conformance")):
        assert (await run(check_services, None, only)).state.name == "Refused"
    with place.box.faults.active(Fault("server_error", path="/ogc/conformance", parameters={"status": 501})):
        assert (await run(check_services, None, only)).state.name == "Unreachable"
    missing = await run(check_services, None, [Probe(server="ogc-processes-server/nowhere")])
    assert (missing.state.name, "named 'nowhere'" in missing.state.message) == ("Refused", True)


async def test_each_field_that_is_relied_on_is_named_when_it_changes(place, probes):
    with witnessed() as answers:
        await check_all(place.env, probes)
    seen = [(contract, answer.json()) for answer in answers for contract in covering(answer)]
    assert {id(contract) for contract, _ in seen} >= {
        id(contract)
        for several in CONTRACTS.values()
        for contract in several
        if contract.status == 200 and contract.when != {"type": "vector"}
    }
    changed = 0
    for contract, document in seen:
        for path, words in contract.fields.items():
            other = next(value for word, value in OTHERS.items() if word not in words)
            for where, mutated in with_another(document, path, other):
                assert [one.field for one in breaches(mutated, contract)] == [where]
                changed += 1
    assert changed > 60


PARSERS: dict[str, Callable[[Any], object]] = {
    "/search": lambda found: [checked_item(item, "") for item in found["features"]],
    "/ogc/processes": ProcessList.model_validate,
    "/ogc/processes/ndvi": ProcessDescription.model_validate,
    "/v2/processing/processes": read_processes,
    "/cost": read_cost,
    "/value:compute": lambda found: read_scenes(found["result"]),
    "/operations": lambda found: [read_operation(one) for one in found.get("operations", ())],
    "/o": read_page,
    "/metadata": read_descriptor,
}


async def test_each_field_that_a_parser_needs_is_in_the_contract(place, probes):
    with witnessed() as answers:
        await check_all(place.env, probes)
    needed = set()
    for answer in answers:
        path = answer.request.url.path
        parse = next((parser for end, parser in PARSERS.items() if path.endswith(end)), None)
        for contract in covering(answer)[:1] if parse else ():
            parse(answer.json())
            for gone, document in with_one_less(answer.json()):
                try:
                    parse(document)
                except (EoError, ValidationError, KeyError):
                    # One of no kind is not read at all; only regular time has a step.
                    told = breaches(document, contract) or gone in (*contract.when, "time.dimension.step")
                    assert told, (path, gone)
                    needed.add((path.rpartition("/")[2], gone))
    assert {("search", "features.0.assets"), ("cost", "totalCredits"), ("processes", "processes")} <= needed


def with_one_less(document: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give the document without each of its fields in turn; of a list, the first element's."""
    if isinstance(document, list) and document:
        for gone, first in with_one_less(document[0], f"{path}0."):
            yield gone, [first, *document[1:]]
    if isinstance(document, dict):
        for name, value in document.items():
            yield path + name, {key: one for key, one in document.items() if key != name}
            for gone, below in with_one_less(value, f"{path}{name}."):
                yield gone, {**document, name: below}


def covering(answer: httpx.Response) -> list[Contract]:
    asked = answer.request
    every = [one for several in CONTRACTS.values() for one in several]
    where = asked.method, asked.url.path, answer.status_code
    return [one for one in every if one.covers(*where, answer.json() if answer.content else None)]


OTHERS = {"object": {}, "array": [], "boolean": True, "string": "no time"}


def with_another(document: Any, path: str, other: Any) -> Iterator[tuple[str, Any]]:
    """Give the document with another first value at a path, if it has one, and the path as it is told."""
    mutated = copy.deepcopy(document)
    steps = path.replace("?", "").replace("[]", ".[]").split(".")
    holder = mutated
    for step in steps[:-1]:
        holder = below(holder, step)
        if holder is None:
            return
    last = steps[-1]
    if last in ("[]", "*"):
        last = next(iter(range(len(holder)) if isinstance(holder, list) else holder), None)
    if last is None or (isinstance(holder, dict) and last not in holder):
        return
    holder[last] = other
    yield path.replace("?", ""), mutated


def below(holder: Any, step: str) -> Any:
    if step in ("[]", "*"):
        values = list(holder.values()) if isinstance(holder, dict) else holder
        return values[0] if values else None
    return holder.get(step) if isinstance(holder, dict) else None
