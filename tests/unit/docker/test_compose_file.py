"""The compose file is valid, starts in order, keeps secrets out of it and gives nobody more than needed."""

import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
COMPOSE = ROOT / "docker" / "compose.yaml"
DOCUMENT = yaml.safe_load(COMPOSE.read_text())
SERVICES: dict[str, dict[str, Any]] = DOCUMENT["services"]
ONE_SHOT = {name for name, service in SERVICES.items() if service["restart"] == "no"}
SECRET = re.compile(r"PASSWORD|SECRET|TOKEN|AUTH|KEY$")

each_service = pytest.mark.parametrize("name", SERVICES)


def example() -> dict[str, str]:
    lines = (ROOT / "docker" / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_it_follows_the_specification() -> None:
    check = [
        sys.executable,
        "-m",
        "check_jsonschema",
        "--builtin-schema",
        "vendor.compose-spec",
        str(COMPOSE),
    ]
    done = subprocess.run(check, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@each_service
def test_images_are_pinned(name: str) -> None:
    _, _, tag = SERVICES[name]["image"].partition(":")
    assert re.fullmatch(r"[\w.-]*\d[\w.-]*|\$\{EOFLOWS_VERSION:-\d+\.\d+\.\d+\}", tag)


@each_service
def test_who_serves_has_a_health_check_and_is_started_again(name: str) -> None:
    service = SERVICES[name]
    if name in ONE_SHOT:
        assert service["healthcheck"] == {"disable": True}
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD"


@each_service
def test_dependencies_are_waited_for(name: str) -> None:
    for other, how in SERVICES[name].get("depends_on", {}).items():
        expected = "service_completed_successfully" if other in ONE_SHOT else "service_healthy"
        assert how["condition"] == expected, other


@each_service
def test_no_secret_is_in_the_file(name: str) -> None:
    environment = SERVICES[name].get("environment", {})
    named = {key for key in environment if SECRET.search(key)}
    assert named <= {"POSTGRES_PASSWORD_FILE", "STORAGE_ACCESS_KEY", "AWS_ACCESS_KEY_ID"}
    assert [value for value in environment.values() if re.search(r"//[^/@]*:[^/@]*@", value)] == []


def test_every_secret_and_variable_is_in_the_example_without_a_value() -> None:
    given = example()
    secrets = {one["environment"] for one in DOCUMENT["secrets"].values()}
    assert {given[name] for name in secrets} == {""}
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", COMPOSE.read_text()))
    assert used | secrets == set(given)
    ignored = (ROOT / ".gitignore").read_text().splitlines()
    assert "docker/.env" in ignored


@each_service
def test_a_service_gets_the_secrets_that_it_uses(name: str) -> None:
    given = [one if isinstance(one, str) else one["source"] for one in SERVICES[name].get("secrets", [])]
    assert set(given) <= set(DOCUMENT["secrets"])
    wanted = {
        "postgres": 4,
        "storage": 1,
        "migrate": 2,
        "server": 2,
        "services": 2,
        "setup": 3,
        "worker": 1,
        "catalog": 1,
        "catalog-migrate": 1,
        "sandbox-setup": 1,
    }
    assert len(given) == wanted.get(name, 0)


@each_service
def test_our_services_have_no_rights_that_they_do_not_need(name: str) -> None:
    service = SERVICES[name]
    if not service["image"].startswith("eoflows"):
        return
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "user" not in service


def test_ports_are_open_on_the_host_itself_only() -> None:
    opened = [port for service in SERVICES.values() for port in service.get("ports", [])]
    assert opened == ["127.0.0.1:4200:4200"]


def test_databases_are_not_on_the_network_of_the_runs() -> None:
    for name in ("postgres", "redis"):
        assert "default" not in SERVICES[name]["networks"]
    assert DOCUMENT["networks"]["data"]["internal"] is True
    assert {name for name, one in SERVICES.items() if "events" in one["networks"]} == {
        "redis",
        "server",
        "services",
    }


def test_server_and_services_have_one_configuration() -> None:
    assert SERVICES["server"]["environment"] == SERVICES["services"]["environment"]
    assert "--no-services" in SERVICES["server"]["command"]
    assert SERVICES["server"]["environment"]["PREFECT_SERVER_DATABASE_MIGRATE_ON_START"] == "false"


def test_modules_that_are_run_exist() -> None:
    words = [" ".join(service.get("command", [])) for service in SERVICES.values()]
    run = re.findall(r"python -m ([\w.]+)", "\n".join(words))
    assert len(run) >= 6
    assert [name for name in run if not name.startswith("eoflows.") or find_spec(name) is None] == []
