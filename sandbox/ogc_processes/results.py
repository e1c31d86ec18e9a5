"""Results as 18-062r2 writes them, tables 11 and 12: raw or document, by value or by reference."""

import base64
from collections.abc import Mapping
from typing import Any

import orjson
from starlette.responses import Response

from eoflows.sandbox.ogc_processes.documents import Addresses
from eoflows.sandbox.ogc_processes.jobs import Job, Output
from eoflows.sandbox.ogc_processes.settings import OgcProcessesSettings

__all__ = ["raw_output", "results", "results_document"]

_BOUNDARY = "sandbox-part"


def results(job: Job, addresses: Addresses, settings: OgcProcessesSettings) -> Response:
    """Return the answer that carries a successful job's results."""
    style = job.response if settings.results == "standard" else settings.results
    if style == "document":
        return Response(
            orjson.dumps(results_document(job, addresses, settings)), media_type="application/json"
        )
    outputs = list(job.outputs.values())
    if all(output.by_reference for output in outputs):
        return Response(status_code=204, headers={"link": ", ".join(_links(job, addresses, settings))})
    if len(outputs) == 1:
        return raw_output(outputs[0])
    return _multipart(job, addresses, settings)


def results_document(job: Job, addresses: Addresses, settings: OgcProcessesSettings) -> dict[str, Any]:
    """Return output name to value, qualified value or link."""
    return {
        name: {"href": _address(job, name, addresses, settings), "type": output.media_type}
        if output.by_reference
        else _inline(output)
        for name, output in job.outputs.items()
    }


def raw_output(output: Output) -> Response:
    """Return one output as it is."""
    return Response(_bytes(output), media_type=output.media_type)


def _inline(output: Output) -> Any:
    if isinstance(output.value, bytes):
        text = base64.b64encode(output.value).decode("ascii")
        return {"value": text, "encoding": "base64", "mediaType": output.media_type}
    return {"value": output.value} if isinstance(output.value, Mapping) else output.value


def _bytes(output: Output) -> bytes:
    return output.value if isinstance(output.value, bytes) else orjson.dumps(output.value)


def _address(job: Job, name: str, addresses: Addresses, settings: OgcProcessesSettings) -> str:
    return addresses.write(f"/jobs/{job.id}/results/{name}", settings.links)


def _links(job: Job, addresses: Addresses, settings: OgcProcessesSettings) -> list[str]:
    """Return one Link value for each output; the relation is the output's name (believed)."""
    return [
        f'<{_address(job, name, addresses, settings)}>; rel="{name}"; type="{output.media_type}"'
        for name, output in job.outputs.items()
    ]


def _multipart(job: Job, addresses: Addresses, settings: OgcProcessesSettings) -> Response:
    """Write all outputs as multipart/related (RFC 2387); a reference is a part without a body."""
    parts = []
    for name, output in job.outputs.items():
        head = [f"Content-Type: {output.media_type}", f"Content-ID: <{name}>"]
        if output.by_reference:
            head.append(f"Content-Location: {_address(job, name, addresses, settings)}")
        elif isinstance(output.value, bytes):
            head.append("Content-Transfer-Encoding: binary")
        body = b"" if output.by_reference else _bytes(output)
        parts.append(
            f"--{_BOUNDARY}\r\n".encode() + "\r\n".join(head).encode() + b"\r\n\r\n" + body + b"\r\n"
        )
    content = b"".join(parts) + f"--{_BOUNDARY}--\r\n".encode()
    return Response(content, media_type=f'multipart/related; boundary="{_BOUNDARY}"')
