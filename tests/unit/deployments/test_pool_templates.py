"""How our values get into a base job template, and what becomes of an operator's."""

import copy
import json
from pathlib import Path
from typing import Any, get_args

import prefect.server.api
import pytest

from eoflows.deployments.pool_templates import IDENTITY, STATE, PoolType, apply_template

BUNDLED = Path(prefect.server.api.__file__).parent / "collections_data/views/aggregate-worker-metadata.json"
COLLECTION = {"process": "prefect", "docker": "prefect-docker", "kubernetes": "prefect-kubernetes"}
NAMED: dict[str, dict[str, str]] = {
    "process": {"python": "/opt/venv/bin/python"},
    "docker": {"image": "eoflows:1"},
    "kubernetes": {"image": "eoflows:1"},
}

each_kind = pytest.mark.parametrize("kind", get_args(PoolType))


def prefects(kind: str) -> dict[str, Any]:
    workers = json.loads(BUNDLED.read_text())
    template: dict[str, Any] = workers[COLLECTION[kind]][kind]["default_base_job_configuration"]
    return template


def field(template: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = template["variables"]["properties"][name]
    return found


@each_kind
def test_applied_twice_changes_nothing(kind: PoolType) -> None:
    once = apply_template(kind, prefects(kind), {}, **NAMED[kind])
    twice = apply_template(kind, prefects(kind), copy.deepcopy(once.template), **NAMED[kind])
    assert (twice.template, twice.kept) == (once.template, ())


@each_kind
def test_a_pool_made_in_the_ui_becomes_the_same(kind: PoolType) -> None:
    of_nothing = apply_template(kind, prefects(kind), {}, **NAMED[kind])
    assert apply_template(kind, prefects(kind), prefects(kind), **NAMED[kind]) == of_nothing


@each_kind
def test_what_is_given_is_not_touched(kind: PoolType) -> None:
    given = prefects(kind)
    apply_template(kind, given, given, **NAMED[kind])
    assert given == prefects(kind)


@each_kind
def test_every_placeholder_is_a_field(kind: PoolType) -> None:
    template = apply_template(kind, prefects(kind), {}, **NAMED[kind]).template
    text = json.dumps(template["job_configuration"])
    used = {part.split("}}")[0].strip() for part in text.split("{{")[1:]}
    assert used <= set(template["variables"]["properties"])


def test_processes_start_without_further_interpreters() -> None:
    template = apply_template("process", prefects("process"), {}, python="/opt/my venv/python").template
    assert field(template, "command")["default"] == "'/opt/my venv/python' -m prefect.engine"


def test_what_an_operator_set_is_kept_and_named() -> None:
    theirs = apply_template("docker", prefects("docker"), {}, image="eoflows:1").template
    field(theirs, "mem_limit")["default"] = "64g"
    field(theirs, "env")["default"] = {"TZ": "UTC"}
    theirs["variables"]["properties"]["gpus"] = {"type": "integer", "title": "GPUs"}
    done = apply_template("docker", prefects("docker"), copy.deepcopy(theirs), image="eoflows:2")
    field(theirs, "image")["default"] = "eoflows:2"
    assert done.template == theirs
    assert done.kept == ("variables.properties.mem_limit.default: '64g' is kept, ours would be '2g'",)


def test_a_field_of_a_newer_prefect_arrives() -> None:
    old = apply_template("process", prefects("process"), {}, python="python").template
    newer = prefects("process")
    newer["variables"]["properties"]["nice"] = {"type": "integer", "title": "Nice"}
    newer["job_configuration"]["nice"] = "{{ nice }}"
    template = apply_template("process", newer, old, python="python").template
    assert field(template, "nice") == {"type": "integer", "title": "Nice"}
    assert template["job_configuration"]["nice"] == "{{ nice }}"


def test_containers_have_no_rights_and_no_place_of_the_host() -> None:
    docker = apply_template("docker", prefects("docker"), {}, image="eoflows:1").template
    rights = docker["job_configuration"]["container_create_kwargs"]
    assert rights["user"] == f"{IDENTITY}:{IDENTITY}"
    assert (rights["cap_drop"], rights["read_only"]) == (["ALL"], True)
    assert field(docker, "privileged")["default"] is False
    assert field(docker, "auto_remove")["default"] is True
    assert [volume.split(":") for volume in field(docker, "volumes")["default"]] == [["eoflows-state", STATE]]

    kubernetes = apply_template("kubernetes", prefects("kubernetes"), {}, image="eoflows:1").template
    pod = kubernetes["job_configuration"]["job_manifest"]["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["containers"][0]["securityContext"]["capabilities"] == {"drop": ["ALL"]}
    assert "hostPath" not in json.dumps(kubernetes)


@each_kind
def test_no_template_has_an_environment(kind: PoolType) -> None:
    template = apply_template(kind, prefects(kind), {}, **NAMED[kind]).template
    assert "default" not in field(template, "env")
