"""Results, in every shape that the standard and real servers give them."""

import base64
import codecs
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import orjson

from eoflows.base.errors import ContractError
from eoflows.services.ogc_processes.forms import form_of, has_forms
from eoflows.services.ogc_processes.links import header_links, resolved
from eoflows.services.ogc_processes.models import JobResult, JobResults, Link, ProcessRequest, QualifiedValue
from eoflows.services.ogc_processes.multipart import BodyPart, content_type, split_parts

__all__ = ["json_of", "read_results", "result_of"]

_UNNAMED = "result"
_FORMS = (Link, QualifiedValue)
_AROUND = frozenset({"outputs", "links", "id", "jobID", "processID", "status", "type"})
"""What a document that has its outputs under `outputs` may hold beside them."""
_NAVIGATION = frozenset(
    {"self", "alternate", "up", "root", "next", "prev", "monitor", "status", "describedby", "profile"}
)
_GEOJSON = {"FeatureCollection": "features", "Feature": "geometry", "GeometryCollection": "geometries"}
_BEYOND = re.compile(rb"\d{19}|NaN|Infinity")
NO_JSON: Any = object()
"""What `json_of` gives where there is no JSON."""


def json_of(body: bytes) -> Any:
    """Give a body as JSON, whatever its type claims to be, or `NO_JSON`."""
    try:
        return orjson.loads(body.removeprefix(codecs.BOM_UTF8))
    except orjson.JSONDecodeError:
        return NO_JSON


def _lenient_json(body: bytes) -> Any:
    """The same of values, which may be what JSON is not: NaN, and whole numbers of more than 64 bits."""
    plain = body.removeprefix(codecs.BOM_UTF8)
    if not _BEYOND.search(plain):
        return json_of(plain)
    try:
        return json.loads(plain)
    except (ValueError, RecursionError):
        return NO_JSON


def read_results(
    answer: httpx.Response, url: str, request: ProcessRequest | Mapping[str, Any] | None = None
) -> JobResults:
    """Read the answer to a synchronous execution, or to a question for results.

    Args:
        answer: Status below 300.
        url: What was asked; relative links are resolved against it.
        request: The execution request, which may name the outputs; None where it is not known.

    Returns:
        The outputs, as the table of `JobResults` says.

    Raises:
        ContractError: A multipart body is broken.
    """
    names = _asked_names(request)
    media_type, _ = content_type(answer.headers.get("content-type", ""))
    if media_type.startswith("multipart/"):
        return _named(_parts(answer, url), names)
    if answer.status_code == 204 or not answer.content:
        links = header_links(answer.headers.get_list("link"), url)
        return _named([(_link_name(one, names), one) for one in links if one.rel not in _NAVIGATION], names)
    document = _outputs_in(_document(answer.content, media_type), names)
    if isinstance(document, dict) and not _is_raw(document, media_type, names, _wants_raw(request)):
        return JobResults({str(name): result_of(value, url) for name, value in document.items()})
    if document is None:
        return JobResults({})
    value = _bytes_value(answer.content, media_type) if document is NO_JSON else result_of(document, url)
    return _named([("", value)], names)


def result_of(value: Any, url: str) -> JobResult:
    """Tell one output: a reference with an absolute address, a value with its format, or plain JSON."""
    return _absolute(form_of(value), url)


def _absolute(value: JobResult, url: str) -> JobResult:
    if isinstance(value, list):
        return [_absolute(one, url) for one in value]
    return value.model_copy(update={"href": resolved(value.href, url)}) if isinstance(value, Link) else value


def _outputs_in(document: Any, names: Sequence[str]) -> Any:
    """Outputs by name, where a document has them in another form: a list, one alone, or under `outputs`.

    Drafts of 1.0, pygeoapi and Weaver write them so, each with its `id`.
    """
    if isinstance(document, dict) and not set(names) & document.keys():
        if isinstance(document.get("outputs"), dict | list) and document.keys() <= _AROUND:
            inner = _outputs_in(document["outputs"], names)
            document = inner if isinstance(inner, dict) else document
        elif _is_output(document) and document["id"] in names:
            document = [document]
    if not (isinstance(document, list) and document and all(map(_is_output, document))):
        return document
    found: dict[str, Any] = {}
    for one in document:
        found.setdefault(one["id"], []).append({name: held for name, held in one.items() if name != "id"})
    return {name: several[0] if len(several) == 1 else several for name, several in found.items()}


def _is_output(value: Any) -> bool:
    if not isinstance(value, dict) or not isinstance(value.get("id"), str):
        return False
    return "value" in value or "href" in value


def _document(body: bytes, media_type: str) -> Any:
    """JSON where the type says so, or says nothing that fits what came."""
    if "json" in media_type or media_type in ("", "text/html", "text/plain", "application/octet-stream"):
        found = _lenient_json(body)
        plain_scalar = media_type and "json" not in media_type and not isinstance(found, dict | list)
        return NO_JSON if plain_scalar else found
    return NO_JSON


def _is_raw(document: Mapping[str, Any], media_type: str, names: Sequence[str], wants_raw: bool) -> bool:
    """Whether a JSON object is one output's value, and no document of outputs."""
    if set(names) & document.keys():
        return False
    if isinstance(form_of(document), _FORMS) and len(document) > 1:
        return True
    if document and all(has_forms(form_of(one)) for one in document.values()):
        return False
    if "json" in media_type and media_type != "application/json":
        return True
    if _GEOJSON.get(str(document.get("type"))) in document:
        return True
    return wants_raw and len(names) == 1


def _asked_names(request: ProcessRequest | Mapping[str, Any] | None) -> list[str]:
    outputs = request.outputs if isinstance(request, ProcessRequest) else (request or {}).get("outputs")
    return [str(name) for name in outputs] if isinstance(outputs, dict) else []


def _wants_raw(request: ProcessRequest | Mapping[str, Any] | None) -> bool:
    response = request.response if isinstance(request, ProcessRequest) else (request or {}).get("response")
    return request is not None and response in (None, "raw")


def _parts(answer: httpx.Response, url: str) -> list[tuple[str, JobResult]]:
    parts = split_parts(answer.content, answer.headers["content-type"])
    if not parts:
        raise ContractError("a multipart answer without a part", url=url)
    return [(one.name, _part_value(one, url)) for one in parts]


def _part_value(part: BodyPart, url: str) -> JobResult:
    if part.location and not part.body.strip():
        return Link(href=resolved(part.location, url), type=part.media_type)
    document = json_of(part.body) if "json" in part.media_type else NO_JSON
    return _bytes_value(part.body, part.media_type) if document is NO_JSON else document


def _bytes_value(body: bytes, media_type: str) -> QualifiedValue:
    if media_type.startswith("text/") or media_type.endswith("xml"):
        try:
            return QualifiedValue(value=body.decode(), mediaType=media_type)
        except UnicodeDecodeError:
            pass
    encoded = base64.b64encode(body).decode()
    return QualifiedValue(
        value=encoded, mediaType=media_type or "application/octet-stream", encoding="base64"
    )


def _link_name(link: Link, names: Sequence[str]) -> str:
    for told in (link.rel, link.title):
        if told in names:
            return str(told)
    is_name = link.rel and ":" not in link.rel and link.rel not in ("item", "related", "enclosure", "results")
    return (link.rel if is_name else link.title) or ""


def _named(values: Sequence[tuple[str, JobResult]], names: Sequence[str]) -> JobResults:
    """Give every value a name of its own: told, asked for, or counted."""
    found: dict[str, Any] = {}
    free = [name for name in names if name not in {told for told, _ in values}]
    for told, value in values:
        name = told or (free.pop(0) if free and len(values) == len(names) else _UNNAMED)
        count = 2
        unique = name
        while unique in found:
            unique, count = f"{name}-{count}", count + 1
        found[unique] = value
    return JobResults(found)
