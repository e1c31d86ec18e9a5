"""What our work pools change in Prefect's base job templates, and how a change meets what an operator set.

A value that still is Prefect's own becomes ours. Any other is the operator's: it is kept, and reported. What
the caller names (image, interpreter) is set in any case. Applied again, nothing changes.
"""

import copy
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["IDENTITY", "QUEUES", "STATE", "Applied", "PoolType", "apply_template"]

PoolType = Literal["process", "docker", "kubernetes"]
Path = tuple[str | int, ...]

QUEUES = {
    "urgent": "Runs that go before all others.",
    "default": "The work pool's default queue.",
    "systematic": "Runs that can wait: schedules, backfills, audits.",
}
"""Work queues, in the order in which workers empty them."""

STATE = "/var/lib/eoflows"
"""Where containers keep what outlives a run: resumable downloads, Prefect's local results."""

IDENTITY = 10001
"""User and group of the image; docker/Dockerfile makes them."""

_ABSENT = object()
_PROPERTIES: Path = ("variables", "properties")
_MANIFEST: Path = ("job_configuration", "job_manifest", "spec", "template", "spec")
_CONTAINER: Path = (*_MANIFEST, "containers", 0)


@dataclass(frozen=True)
class Applied:
    """A template, and where an operator's value was left in it."""

    template: dict[str, Any]
    kept: tuple[str, ...]
    """A line for each value that is neither Prefect's nor ours."""


def apply_template(
    kind: PoolType,
    prefects: Mapping[str, Any],
    existing: Mapping[str, Any],
    *,
    python: str | None = None,
    image: str | None = None,
) -> Applied:
    """Return a pool's template with our values in it.

    Args:
        kind: What the pool's workers start.
        prefects: Prefect's own template of that type.
        existing: The pool's present template; empty for a pool that has none.
        python: Interpreter of a process pool's workers. Without it, a worker starts two more interpreters,
            one after the other, before each run.
        image: Image of a docker or kubernetes pool.
    """
    template = _with_news(existing or prefects, prefects)
    named: dict[Path, Any] = {}
    if python is not None:
        named[*_PROPERTIES, "command", "default"] = shlex.join([python, "-m", "prefect.engine"])
    if image is not None:
        named[*_PROPERTIES, "image", "default"] = image
    kept = []
    for path, ours in _CHANGES[kind].items():
        present = _value(template, path)
        if present == ours or (present is not _ABSENT and present != _value(prefects, path)):
            if present != ours:
                kept.append(f"{'.'.join(map(str, path))}: {present!r} is kept, ours would be {ours!r}")
            continue
        _set(template, path, ours)
    for path, value in named.items():
        _set(template, path, value)
    return Applied(template, tuple(kept))


def _with_news(existing: Mapping[str, Any], prefects: Mapping[str, Any]) -> dict[str, Any]:
    """Return the existing template with the fields that a newer Prefect has added."""
    template = copy.deepcopy(dict(existing))
    for path in (("job_configuration",), _PROPERTIES, ("variables", "definitions")):
        news = _value(prefects, path)
        if news is not _ABSENT:
            present = _value(template, path)
            _set(template, path, {**copy.deepcopy(news), **({} if present is _ABSENT else present)})
    return template


def _value(document: Any, path: Path) -> Any:
    for step in path:
        try:
            document = document[step]
        except (KeyError, IndexError):
            return _ABSENT
    return document


def _set(document: Any, path: Path, value: Any) -> None:
    for step in path[:-1]:
        document = document[step] if isinstance(step, int) else document.setdefault(step, {})
    document[path[-1]] = copy.deepcopy(value)


def _field(name: str, **schema: Any) -> dict[Path, Any]:
    """Describe a field of the form that Prefect's template lacks."""
    return {(*_PROPERTIES, name, key): value for key, value in schema.items()}


def _default(**values: Any) -> dict[Path, Any]:
    return {(*_PROPERTIES, name, "default"): value for name, value in values.items()}


_DOCKER: dict[Path, Any] = {
    **_default(
        image_pull_policy="IfNotPresent",
        auto_remove=True,
        mem_limit="2g",
        memswap_limit="2g",
        networks=["eoflows"],
        volumes=[f"eoflows-state:{STATE}"],
    ),
    **_field(
        "cpu_quota",
        title="CPU Quota",
        description="Microseconds of processor time in each tenth of a second: 100000 is one processor.",
        type="integer",
        default=100_000,
        minimum=1_000,
    ),
    ("job_configuration", "container_create_kwargs"): {
        "user": f"{IDENTITY}:{IDENTITY}",
        "cpu_period": 100_000,
        "cpu_quota": "{{ cpu_quota }}",
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "read_only": True,
        "tmpfs": {"/tmp": "rw,nosuid,nodev,mode=1777"},  # noqa: S108
        "init": True,
        # The image's own check looks at a worker.
        "healthcheck": {"test": ["NONE"]},
    },
}

_KUBERNETES: dict[Path, Any] = {
    **_default(
        namespace="eoflows",
        finished_job_ttl=3600,
        # A new node pulls the image first.
        pod_watch_timeout_seconds=600,
        cpu_request="500m",
        cpu_limit="1",
        memory_request="512Mi",
        memory_limit="2Gi",
    ),
    **_field(
        "volumes",
        title="Volumes",
        description="Volumes of the pod: `state` is where downloads resume, `tmp` is scratch space. Name a "
        "persistentVolumeClaim for `state` to let a later run go on where an earlier one was killed.",
        type="array",
        items={"type": "object"},
        default=[{"name": "state", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
    ),
    (*_MANIFEST, "volumes"): "{{ volumes }}",
    (*_MANIFEST, "automountServiceAccountToken"): False,
    (*_MANIFEST, "securityContext"): {
        "runAsNonRoot": True,
        "runAsUser": IDENTITY,
        "runAsGroup": IDENTITY,
        "fsGroup": IDENTITY,
        "seccompProfile": {"type": "RuntimeDefault"},
    },
    (*_CONTAINER, "securityContext"): {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "readOnlyRootFilesystem": True,
    },
    (*_CONTAINER, "volumeMounts"): [
        {"name": "state", "mountPath": STATE},
        {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108
    ],
}

_CHANGES: dict[PoolType, dict[Path, Any]] = {
    "process": {},
    "docker": _DOCKER,
    "kubernetes": _KUBERNETES,
}
