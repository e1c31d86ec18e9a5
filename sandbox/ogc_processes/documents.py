"""Documents of the server, and how it writes addresses."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from eoflows.sandbox.ogc_processes.jobs import Job
from eoflows.sandbox.ogc_processes.processes import Process
from eoflows.sandbox.ogc_processes.settings import Address, Modes, OgcProcessesSettings
from eoflows.sandbox.origins import Origins

__all__ = ["Addresses", "conformance", "description", "instant", "landing", "status", "summary"]

_CONFORMANCE = "http://www.opengis.net/spec/ogcapi-processes-1/1.0/conf"
_REL = "http://www.opengis.net/def/rel/ogc/1.0"
_CLASSES = ("core", "ogc-process-description", "json", "oas30", "job-list", "callback", "dismiss")
_JSON = "application/json"
_OPTIONS: Mapping[Modes, list[str]] = {
    "both": ["sync-execute", "async-execute", "dismiss"],
    "sync": ["sync-execute"],
    "async": ["async-execute", "dismiss"],
}


class Addresses:
    """Writes addresses of one server as its settings say."""

    def __init__(self, origins: Origins, prefix: str) -> None:
        self._origins = origins
        self._prefix = prefix

    def write(self, path: str, style: Address) -> str:
        """Return the address of a path below the server's root."""
        root = {
            "absolute": f"{self._origins.url}{self._prefix}",
            "relative": self._prefix,
            "foreign": f"{self._origins.other_url}{self._prefix}",
            "wrong": "http://processes.invalid:5000",
        }[style]
        return f"{root}{path}"

    def link(self, path: str, rel: str, style: Address, **more: str) -> dict[str, str]:
        """Return a link."""
        return {"href": self.write(path, style), "rel": rel, "type": _JSON, **more}


def landing(addresses: Addresses, settings: OgcProcessesSettings) -> dict[str, Any]:
    """Return the landing page."""
    links = [
        ("/", "self"),
        ("/api", "service-desc"),
        ("/conformance", f"{_REL}/conformance"),
        ("/processes", f"{_REL}/processes"),
        ("/jobs", f"{_REL}/job-list"),
    ]
    return {
        "title": "Sandbox processes",
        "description": "A local OGC API - Processes server.",
        "links": [addresses.link(path, rel, settings.links) for path, rel in links],
    }


def conformance() -> dict[str, Any]:
    """Return the conformance declaration."""
    return {"conformsTo": [f"{_CONFORMANCE}/{name}" for name in _CLASSES]}


def summary(process: Process, addresses: Addresses, settings: OgcProcessesSettings) -> dict[str, Any]:
    """Return what the list of processes says of one."""
    return {
        "id": process.id,
        "title": process.title,
        "description": process.description,
        "version": "1.0.0",
        "keywords": list(process.keywords),
        "jobControlOptions": _OPTIONS[settings.modes.get(process.id, "both")],
        "outputTransmission": ["value", "reference"],
        "links": [addresses.link(f"/processes/{process.id}", "self", settings.links)],
    }


def description(process: Process, addresses: Addresses, settings: OgcProcessesSettings) -> dict[str, Any]:
    """Return a process description."""
    execute = addresses.link(f"/processes/{process.id}/execution", f"{_REL}/execute", settings.links)
    document = summary(process, addresses, settings)
    once = {"minOccurs": 1, "maxOccurs": 1}
    return {
        **document,
        "inputs": {name: {"title": name, **once, **about} for name, about in process.inputs.items()},
        "outputs": dict(process.outputs),
        "links": [*document["links"], execute],
    }


def status(job: Job, addresses: Addresses, settings: OgcProcessesSettings) -> dict[str, Any]:
    """Return a job's status document."""
    later = settings.status_documents == "2.0"
    word = "succeeded" if later and job.status == "successful" else job.status
    links = [addresses.link(f"/jobs/{job.id}", "self", settings.links)]
    if job.status == "successful":
        links.append(addresses.link(f"/jobs/{job.id}/results", f"{_REL}/results", settings.links))
    times = ("created", "started", "finished", "updated")
    return {
        "id" if later else "jobID": job.id,
        "processID": job.process,
        "type": "process",
        "status": word,
        "message": job.message,
        "progress": job.progress,
        **{name: instant(value) for name in times if (value := getattr(job, name)) is not None},
        **({"inputs": dict(job.inputs)} if settings.shows_inputs else {}),
        "links": links,
    }


def instant(moment: datetime) -> str:
    """Write a time: UTC, microseconds, `Z`."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%f}Z"
