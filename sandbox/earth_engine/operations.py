"""Operations: their life, from the order to the end."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from eoflows.sandbox.earth_engine.settings import EarthEngineSettings, Failure

__all__ = ["ENDED", "Operation", "operation_id"]

ENDED = ("SUCCEEDED", "FAILED", "CANCELLED")
"""States that nothing follows."""
_TYPE = "type.googleapis.com/google.earthengine.v1"


def operation_id(seed: int, number: int) -> str:
    """Return the identifier of the operation with a number."""
    return hashlib.sha256(f"{seed}:operation:{number}".encode()).hexdigest()[:24].upper()


@dataclass
class Operation:
    """An export, as the service knows it."""

    number: int
    """1, 2, 3 ... in order of creation, over all projects."""
    id: str
    project: str
    user: str
    order: Mapping[str, Any]
    """Body of the request."""
    sent: bytes
    """The same as it came."""
    path: list[str]
    """States still to come."""
    error: Failure | None
    """Code and message, shown when it has failed or was cancelled."""
    created: datetime
    updated: datetime
    hidden: int
    """Lists that it will be missing from."""
    state: str = "PENDING"
    started: datetime | None = None
    ended: datetime | None = None
    files: list[str] = field(default_factory=list)
    """Names of the objects that it left."""
    past: list[str] = field(default_factory=lambda: ["PENDING"])
    """States so far, with the present one."""

    @property
    def name(self) -> str:
        """Full name."""
        return f"projects/{self.project}/operations/{self.id}"

    @property
    def description(self) -> str:
        """What its owner calls it."""
        return str(self.order.get("description", ""))

    @property
    def request_id(self) -> str:
        """By which the same order is recognised; empty if none was given."""
        return str(self.order.get("requestId", ""))

    @property
    def progress(self) -> float:
        """From 0 to 1."""
        if self.state in ENDED:
            return 1.0
        steps = len(self.past) - 1
        return round(steps / (steps + len(self.path) or 1), 3)

    def document(self, settings: EarthEngineSettings) -> dict[str, Any]:
        """Return what the service shows."""

        def text(moment: datetime) -> str:
            digits = f"{moment:%f}{self.number % 1000:03}"[: settings.fraction_digits]
            return f"{moment:%Y-%m-%dT%H:%M:%S}{'.' if digits else ''}{digits}Z"

        metadata: dict[str, Any] = {
            "@type": f"{_TYPE}.OperationMetadata",
            "state": self.state,
            "description": self.description,
            "type": "EXPORT_IMAGE",
            "priority": int(self.order.get("priority", {}).get("value", 100)),
            "createTime": text(self.created),
            "updateTime": text(self.updated),
        }
        if self.started is not None:
            metadata |= {"startTime": text(self.started), "attempt": 1, "progress": self.progress}
            metadata["batchEecuUsageSeconds"] = 12.5 * (len(self.past) - 1)
        if self.state == "RUNNING":
            metadata["stages"] = [{"displayName": "Create Local Files"}]
        document: dict[str, Any] = {"name": self.name, "metadata": metadata}
        if self.state not in ENDED:
            return document
        metadata["endTime"] = text(self.ended or self.updated)
        document["done"] = True
        if self.state != "SUCCEEDED":
            code, message = self.error or (1, "Cancelled.")
            return {**document, "error": {"code": code, "message": message}}
        if settings.destination_uris != "none":
            copies = len(self.files) if settings.destination_uris == "folder_per_file" else 1
            metadata["destinationUris"] = [self._folder()] * copies
        return {**document, "response": {"@type": f"{_TYPE}.ExportImageResponse"}}

    def _folder(self) -> str:
        options = self.order["fileExportOptions"]
        if "cloudStorageDestination" not in options:
            return "https://drive.google.com/#folders/sandbox"
        where = options["cloudStorageDestination"]
        folder, slash, _ = where["filenamePrefix"].rpartition("/")
        return f"https://console.developers.google.com/storage/browser/{where['bucket']}/{folder}{slash}"

    def step(self, now: datetime, deliver: Callable[["Operation"], Failure | None]) -> None:
        """Move on to the next state of the path; what succeeds delivers first, and may fail at that."""
        state = self.path.pop(0)
        if state == "SUCCEEDED" and (failure := deliver(self)) is not None:
            state, self.error, self.path = "FAILED", failure, []
        if state == "RUNNING" and self.started is None:
            self.started = now
        if state in ENDED:
            self.ended = now
        self.state, self.updated = state, now
        self.past.append(state)

    def cancel(self, now: datetime) -> None:
        """Stop: what waits is cancelled at once, what runs in its next step."""
        if self.state == "PENDING":
            self.path = ["CANCELLED"]
        elif self.state not in ENDED and self.state != "CANCELLING":
            self.path = ["CANCELLING", "CANCELLED"]
        else:
            return
        self.error = (1, "Cancelled.")
        self.step(now, lambda operation: None)
