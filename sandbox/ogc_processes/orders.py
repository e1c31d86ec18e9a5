"""Execute requests: what was asked for, checked against the process description."""

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import httpx
from jsonschema import Draft202012Validator

from eoflows.sandbox.ogc_processes.problems import Problem
from eoflows.sandbox.ogc_processes.processes import Process, ProcessError
from eoflows.sandbox.ogc_processes.settings import Modes, OgcProcessesSettings

__all__ = ["Order", "fetched", "read_order", "runs_async"]


@dataclass(frozen=True)
class Reference:
    """An input that lies elsewhere."""

    href: str


@dataclass(frozen=True)
class Order:
    """A valid execute request."""

    inputs: Mapping[str, Any]
    """As they were sent."""
    values: Mapping[str, Any]
    """Name to value, bytes or `Reference`, or a list of these where several are allowed."""
    outputs: Mapping[str, tuple[str | None, bool]]
    """Wanted outputs: media type asked for, and whether by reference."""
    response: Literal["raw", "document"]
    subscriber: Mapping[str, str]


def runs_async(prefer: str, modes: Modes, settings: OgcProcessesSettings) -> bool:
    """Tell whether an execution becomes a job, from the value of Prefer (18-062r2, 7.11.2.3)."""
    wanted = [prefer.strip()] if settings.prefer_parsing == "whole" else prefer.replace(";", ",").split(",")
    if modes != "both":
        return modes == "async"
    return "respond-async" in {word.strip().lower() for word in wanted} and settings.async_answer == "accept"


def read_order(process: Process, document: Any, *, bare_objects: bool = False) -> Order:
    """Check an execute request.

    Raises:
        Problem: 400, with everything that is wrong.
    """
    if not isinstance(document, dict) or not isinstance(document.get("inputs", {}), dict):
        raise _bad(["the request and its inputs must be objects"])
    inputs, values, wrong = document.get("inputs", {}), {}, []
    wrong += [f"input {name!r} is unknown" for name in inputs if name not in process.inputs]
    for name, description in process.inputs.items():
        sent = _occurrences(inputs, name, description)
        least, most = description.get("minOccurs", 1), description.get("maxOccurs", 1)
        if not least <= len(sent) <= (len(sent) if most == "unbounded" else most):
            wrong.append(f"input {name!r} occurs {len(sent)} times, not {least} to {most}")
            continue
        read = []
        for value in sent:
            try:
                read.append(_value(value, description["schema"], bare_objects=bare_objects))
            except ValueError as error:
                wrong.append(f"input {name!r}: {error}")
        if read:
            values[name] = read if most != 1 else read[0]
    outputs = _outputs(process, document.get("outputs") or {}, wrong)
    response = document.get("response", "raw")
    if response not in ("raw", "document"):
        wrong.append(f"response is raw or document, not {response!r}")
    subscriber = document.get("subscriber") or {}
    if subscriber and not _is_subscriber(subscriber):
        wrong.append("a subscriber has a successUri, and all its values are texts")
    if wrong:
        raise _bad(wrong)
    return Order(inputs, values, outputs, response, subscriber)


def _is_subscriber(asked: Any) -> bool:
    texts = isinstance(asked, dict) and all(isinstance(address, str) for address in asked.values())
    return texts and "successUri" in asked


def _bad(wrong: list[str]) -> Problem:
    return Problem(400, "Invalid parameter value", "; ".join(wrong), kind="invalid-parameter")


def _occurrences(inputs: Mapping[str, Any], name: str, description: Mapping[str, Any]) -> list[Any]:
    if name not in inputs:
        return []
    several = description.get("maxOccurs", 1) != 1
    return inputs[name] if several and isinstance(inputs[name], list) else [inputs[name]]


def _value(sent: Any, schema: Mapping[str, Any], *, bare_objects: bool) -> Any:
    if isinstance(sent, dict) and isinstance(sent.get("href"), str):
        return Reference(sent["href"])
    if isinstance(sent, dict) and "value" in sent:
        value = sent["value"]
    elif isinstance(sent, dict) and "bbox" not in sent and not bare_objects:
        raise ValueError("an object is sent as a qualified value, {'value': {...}}")
    else:
        value = sent
    for error in Draft202012Validator(schema).iter_errors(value):
        place = "/".join(str(step) for step in error.absolute_path)
        raise ValueError(f"{error.message[:300]}{f' at {place}' if place else ''}")
    if isinstance(value, str) and any(
        one.get("contentEncoding") == "base64" for one in _alternatives(schema)
    ):
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error as error:
            raise ValueError(f"no base64: {error}") from error
    return value


def _alternatives(schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield schema
    yield from schema.get("oneOf", ())


def _outputs(process: Process, asked: Any, wrong: list[str]) -> dict[str, tuple[str | None, bool]]:
    if not isinstance(asked, dict):
        wrong.append("outputs must be an object")
        return {}
    found: dict[str, tuple[str | None, bool]] = {}
    for name, how in asked.items() if asked else ((name, {}) for name in process.outputs):
        about = how if isinstance(how, dict) else {}
        mode, form = about.get("transmissionMode", "value"), about.get("format")
        if name not in process.outputs:
            wrong.append(f"output {name!r} is unknown")
        elif mode not in ("value", "reference"):
            wrong.append(f"output {name!r}: transmissionMode is value or reference, not {mode!r}")
        else:
            found[name] = form.get("mediaType") if isinstance(form, dict) else None, mode == "reference"
    return found


async def fetched(values: Mapping[str, Any]) -> dict[str, Any]:
    """Fetch the inputs that lie elsewhere.

    Raises:
        ProcessError: One of them cannot be had.
    """
    async with httpx.AsyncClient(follow_redirects=True, timeout=60, verify=False) as http:  # noqa: S501
        return {name: await _fetched(value, http) for name, value in values.items()}


async def _fetched(value: Any, http: httpx.AsyncClient) -> Any:
    if isinstance(value, list):
        return [await _fetched(one, http) for one in value]
    if not isinstance(value, Reference):
        return value
    try:
        answer = await http.get(value.href)
        answer.raise_for_status()
        return answer.json() if "json" in answer.headers.get("content-type", "") else answer.content
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise ProcessError(f"the input {value.href} cannot be fetched: {error}", 400) from error
