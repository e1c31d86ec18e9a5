"""Services are found by what installed packages register; whatever is wrong with one harms no other."""

import json
import os
import re
import subprocess
import sys
from importlib.metadata import EntryPoint, EntryPoints, PathDistribution
from pathlib import Path
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from eoflows.base.errors import EoError, InvalidInputError
from eoflows.jobs.registry import AnyRequest, Services, read_request, registered_services
from eoflows.services.dummy import DummyRequest
from eoflows.tasks.submit import submit_task

ROOT = Path(__file__).parents[3]
OURS = ["dummy", "earth_engine", "geo-engine", "ogc-processes", "up42"]


def registered(folder: Path, package: str, services: dict[str, str], extra: str = "") -> EntryPoints:
    """Write the metadata of an installed package, and read its entry points."""
    info = folder / f"{package}-1.0.dist-info"
    info.mkdir()
    extras = f"Provides-Extra: {extra}\n" if extra else ""
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n{extras}")
    rows = "".join(f"{name} = {value}\n" for name, value in services.items())
    (info / "entry_points.txt").write_text(f"[eoflows.services]\n{rows}")
    return PathDistribution(info).entry_points


def test_ours_are_found_and_each_is_named_as_its_requests_say() -> None:
    services = registered_services()
    assert [*services.requests] == OURS
    assert not services.faults


def test_a_request_is_read_by_the_model_of_its_service() -> None:
    read = read_request({"service": "dummy", "inputs": {"seconds": 1}})
    assert read == DummyRequest(inputs={"seconds": 1})
    assert read_request(read) is read


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"service": "nobody"}, "no service is registered as 'nobody'; there are dummy, earth_engine"),
        ({"process": "wait"}, "the request: .*'service'"),
        ({"service": "dummy", "proces": "wait"}, "dummy.proces: Extra inputs"),
        ({"service": ["dummy"]}, "the request: "),
        ("dummy", "the request: "),
        (None, "the request: "),
    ],
)
def test_what_is_no_request_is_refused_in_words(document: Any, words: str) -> None:
    with pytest.raises(InvalidInputError, match=words):
        read_request(document)


def test_an_error_does_not_show_what_was_asked() -> None:
    with pytest.raises(InvalidInputError) as caught:
        read_request({"service": "dummy", "inputs": "hush", "secret": "hush"})
    assert "hush" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.anyio
async def test_a_request_of_an_unknown_service_is_refused_before_anything_is_opened() -> None:
    with pytest.raises(InvalidInputError, match="no service is registered as 'nobody'"):
        await submit_task.fn("no-such-ledger", [{"service": "nobody"}], "no-such/server")  # type: ignore[list-item]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("no_such_module:Request", r"odd-one 1\.0 cannot be used: ModuleNotFoundError: .*no_such_module"),
        ("json:NoSuchName", "AttributeError"),
        ("json:loads", "json:loads is no model of requests"),
        ("eoflows.jobs.models:JobState", "is no model of requests"),
        ("eoflows.services.dummy:DummyRequest", r"`service` of .*:DummyRequest is not Literal\['odd'\]"),
        ("eoflows.jobs.models:JobRequest", r"`service` of .*:JobRequest is not Literal\['odd'\]"),
    ],
)
def test_a_bad_registration_is_said_and_harms_only_itself(tmp_path: Path, value: str, words: str) -> None:
    good = registered(tmp_path, "good-one", {"dummy": "eoflows.services.dummy:DummyRequest"})
    services = Services.load([*registered(tmp_path, "odd-one", {"odd": value}), *good])
    assert services.requests == {"dummy": DummyRequest}
    assert re.search(words, services.faults["odd"])
    assert "pip install" not in services.faults["odd"]
    with pytest.raises(InvalidInputError, match=words):
        services.request("odd")


def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    entries = registered(tmp_path, "odd-one", {"odd_one": "no_such_module:Request"}, extra="odd-one")
    assert Services.load(entries).faults["odd_one"].endswith("; pip install 'odd-one[odd-one]'")


def test_a_name_that_two_packages_claim_is_refused_to_both(tmp_path: Path) -> None:
    value = "eoflows.services.dummy:DummyRequest"
    claims = [
        entry for package in ("one", "two") for entry in registered(tmp_path, package, {"dummy": value})
    ]
    services = Services.load(claims)
    assert not services.requests
    with pytest.raises(InvalidInputError, match=r"'dummy' is registered by one 1\.0 and two 1\.0"):
        services.request("dummy")


def test_a_registration_without_a_package_is_told_of(tmp_path: Path) -> None:
    services = Services.load([EntryPoint("odd", "no_such_module:Request", "eoflows.services")])
    assert "'odd' of a package without a name cannot be used" in services.faults["odd"]


def test_where_nothing_is_registered_eoflows_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eoflows.jobs.registry.GROUP", "nobody.registers.here")
    # No InvalidInputError: Prefect takes a ValueError for a parameter that needs no form.
    with pytest.raises(EoError, match="no package registers a service") as caught:
        registered_services.__wrapped__()
    assert not isinstance(caught.value, ValueError)


def test_a_form_tells_requests_apart_by_service() -> None:
    schema = TypeAdapter(list[AnyRequest]).json_schema()["items"]
    assert schema["discriminator"]["propertyName"] == "service"
    assert [*schema["discriminator"]["mapping"]] == OURS
    with pytest.raises(ValidationError, match="no service is registered as 'nobody'"):
        TypeAdapter(AnyRequest).validate_python({"service": "nobody"})


LOOK = """
import asyncio, json
from prefect.blocks.core import Block
from prefect.utilities.callables import parameter_schema
from eoflows.base.errors import InvalidInputError
from eoflows.flows.run_job import run_job
from eoflows.tasks.submit import submit_task

def refused(service):
    try:
        asyncio.run(submit_task.fn("ledger", [{"service": service}], "no/server"))
    except InvalidInputError as error:
        return str(error)

requests = [{"service": "echo", "text": "hello"}, {"service": "up42", "process": "x", "inputs": {}}]
read = run_job.validate_parameters({"requests": requests, "server": "echo-server/mine"})
schema = parameter_schema(run_job).model_dump_for_openapi()
print(json.dumps({
    "read": [repr(one) for one in read["requests"]],
    "form": schema["properties"]["requests"]["items"]["discriminator"]["mapping"],
    "fields": list(schema["definitions"]["EchoRequest"]["properties"]),
    "block": repr(Block.get_block_class_from_key("echo-server")),
    "refused": {service: refused(service) for service in ("lame", "dummy", "formless", "nobody")},
}))
"""
FORMLESS = """
from typing import Any, Literal
from eoflows.jobs.models import JobRequest

class Request(JobRequest):
    model_config = {"arbitrary_types_allowed": True}
    service: Literal["formless"] = "formless"
    what: memoryview

    @property
    def process_name(self) -> str:
        return "x"

    def canonical(self) -> Any:
        return None
"""


def example(language: str) -> str:
    page = (ROOT / "docs" / "adding_a_service.md").read_text()
    (found,) = re.findall(rf"^```{language}\n(.*?)^```", page, flags=re.DOTALL | re.MULTILINE)
    return found


def test_an_installed_package_brings_a_service_and_broken_ones_harm_only_themselves(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    (source / "eoflows_echo.py").write_text(example("python"))
    (source / "pyproject.toml").write_text(example("toml"))
    install = [sys.executable, "-m", "uv", "pip", "install", "--offline", "--no-deps", "--no-build-isolation"]
    subprocess.run([*install, "--quiet", "--python", sys.executable, "--target", target, source], check=True)
    (target / "lame.py").write_text("import no_such_library\n")
    registered(target, "lame-one", {"lame": "lame:Request"}, extra="lame")
    (target / "formless.py").write_text(FORMLESS)
    registered(target, "formless-one", {"formless": "formless:Request"})
    registered(target, "dummy-again", {"dummy": "eoflows.services.dummy:DummyRequest"})

    environment = os.environ | {"PYTHONPATH": str(target)}
    done = subprocess.run(
        [sys.executable, "-c", LOOK], capture_output=True, text=True, check=True, env=environment
    )
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["read"][0] == "EchoRequest(service='echo', text='hello')"
    assert found["read"][1].startswith("Up42Request(")
    assert [*found["form"]] == ["earth_engine", "echo", "geo-engine", "ogc-processes", "up42"]
    assert found["fields"] == ["service", "text"]
    assert found["block"] == "<class 'eoflows_echo.EchoServer'>"
    refused = found["refused"]
    assert refused["lame"].endswith("No module named 'no_such_library'; pip install 'lame-one[lame]'")
    assert "registered by dummy-again 1.0 and eoflows " in refused["dummy"]
    assert "formless-one 1.0 cannot be used: PydanticInvalidForJsonSchema" in refused["formless"]
    assert "there are earth_engine, echo, geo-engine" in refused["nobody"]
    assert "lame-one 1.0 cannot be used" in done.stderr
