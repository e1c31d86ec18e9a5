"""The documents of OGC API - Processes, 1.0 (18-062r2) and the 2.0 draft.

Field names are those of the standard. Unknown fields are kept; what real servers leave out has a
default, so that an odd document is still a document. Times are aware UTC.
"""

import base64
from collections.abc import Iterator
from datetime import datetime
from math import isnan
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, RootModel, model_validator

from eoflows.base.errors import ContractError
from eoflows.jobs.border import read_time

__all__ = [
    "ApiError",
    "Capabilities",
    "ConformanceDeclaration",
    "Format",
    "InputDescription",
    "JobInfo",
    "JobList",
    "JobResult",
    "JobResults",
    "Link",
    "Output",
    "OutputDescription",
    "ProcessDescription",
    "ProcessList",
    "ProcessRequest",
    "ProcessSummary",
    "QualifiedValue",
    "Subscriber",
    "from_base64",
]


_DOMAINS = ("literalDataDomains", "literalDataDomain", "LiteralDataDomain", "literalDataType")
_LITERALS = {
    **dict.fromkeys(("string", "anyuri", "date", "datetime", "time"), "string"),
    **dict.fromkeys(("integer", "int", "long", "nonnegativeinteger", "positiveinteger"), "integer"),
    **dict.fromkeys(("double", "float", "decimal", "number"), "number"),
    "boolean": "boolean",
}
"""Types of XML Schema that literal data of WPS have."""


def from_base64(text: str) -> bytes:
    """Read base64 of either alphabet (RFC 4648), also in lines (RFC 2045) and without padding.

    Raises:
        ValueError: It is none.
    """
    plain = "".join(text.split()).rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)


def _percent(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int | float) or isnan(value):
        return None
    return round(min(100.0, max(0.0, float(value))))


def _text(value: object) -> object:
    return value if value is None or isinstance(value, str) else str(value)


def _texts(value: object) -> list[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def _links(value: object) -> list[Any]:
    """Some servers send null, or placeholders without an address."""
    found = value if isinstance(value, list) else []
    return [one for one in found if isinstance(one, Link) or (isinstance(one, dict) and one.get("href"))]


def _mapping(value: object) -> object:
    """Inputs or outputs by name; drafts of 1.0 have a list of them, each with its `id`."""
    if isinstance(value, list):
        value = {str(one["id"]): one for one in value if isinstance(one, dict) and "id" in one}
    return {} if value is None else value


def _described(value: object) -> object:
    """An input or output of a draft of 1.0 says in words of WPS what a JSON Schema says today."""
    if not isinstance(value, dict) or "schema" in value:
        return value
    old = next((value[name] for name in ("input", "output") if isinstance(value.get(name), dict)), value)
    domains: Any = next((old[name] for name in _DOMAINS if old.get(name)), [])
    schemas = [_domain_schema(one) for one in (domains if isinstance(domains, list) else [domains])]
    # What is not literal, or does not say which, takes anything: nobody can tell.
    return {**value, "schema": {"anyOf": schemas}} if schemas and all(schemas) else value


def _domain_schema(domain: object) -> dict[str, Any]:
    """Read a literal data domain; empty where it does not say what it takes."""
    found = domain if isinstance(domain, dict) else {}
    kind = found.get("dataType")
    name = str(kind.get("name", "") if isinstance(kind, dict) else kind or "").rpartition(":")[2].lower()
    # A literal of WPS is text, whatever it means.
    return {"type": [_LITERALS[name], "string"]} if name in _LITERALS else {}


def _at_least(value: object) -> object:
    return 1 if value is None else value


def _at_most(value: object) -> object:
    return 1 if value is None else "unbounded" if str(value).lower() == "unbounded" else value


Time = Annotated[datetime | None, BeforeValidator(read_time)]
"""A time that cannot be read is no reason to lose the document."""
Percent = Annotated[int | None, BeforeValidator(_percent)]
Text = Annotated[str | None, BeforeValidator(_text)]
Texts = Annotated[list[str], BeforeValidator(_texts)]


class _Document(BaseModel):
    model_config = ConfigDict(
        extra="allow", frozen=True, populate_by_name=True, hide_input_in_errors=True, protected_namespaces=()
    )

    def body(self) -> dict[str, Any]:
        """The document as JSON, with the names of the standard, without what was never set."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)


class Link(_Document):
    """A link (RFC 8288)."""

    href: str
    """Absolute URL, or relative to the document that holds it."""
    rel: Text = None
    """Relation: `self`, `next`, `monitor`, `.../results`, ..."""
    type: Text = None
    """Media type of what it leads to."""
    hreflang: Text = None
    """Language of what it leads to."""
    title: Text = None
    """For people."""


Links = Annotated[list[Link], BeforeValidator(_links)]


class Capabilities(_Document):
    """The landing page."""

    title: Text = None
    """Name of the service."""
    description: Text = None
    """What it is for."""
    links: Links = Field(default_factory=list)
    """Links to the API definition, conformance, processes and jobs."""


class ConformanceDeclaration(_Document):
    """The conformance classes that a server says it implements; what it does may be more or less."""

    conformsTo: Texts = Field(default_factory=list)
    """URIs of the classes."""


class Format(_Document):
    """How a value is written down."""

    mediaType: Text = None
    """Media type."""
    encoding: Text = None
    """`base64` for binary values inside JSON."""
    content_schema: Any = Field(default=None, alias="schema")
    """JSON Schema of the value, or a URL of one."""


class InputDescription(_Document):
    """What a process takes under one name."""

    title: Text = None
    """For people."""
    description: Text = None
    """For people."""
    content_schema: Any = Field(default_factory=dict, alias="schema")
    """JSON Schema of one value."""
    minOccurs: Annotated[int, BeforeValidator(_at_least)] = 1
    """Smallest number of values; 0: may be left out."""
    maxOccurs: Annotated[int | Literal["unbounded"], BeforeValidator(_at_most)] = 1
    """Largest number of values; above 1 they come in an array."""


class OutputDescription(_Document):
    """What a process gives under one name."""

    title: Text = None
    """For people."""
    description: Text = None
    """For people."""
    content_schema: Any = Field(default_factory=dict, alias="schema")
    """JSON Schema of the value."""


class ProcessSummary(_Document):
    """A process, as lists show it."""

    id: str
    """Identifier."""
    version: Text = None
    """Version of the process."""
    title: Text = None
    """For people."""
    description: Text = None
    """For people."""
    keywords: Texts = Field(default_factory=list)
    """For searches."""
    jobControlOptions: Texts = Field(default_factory=list)
    """`sync-execute`, `async-execute`, `dismiss`."""
    outputTransmission: Texts = Field(default_factory=list)
    """`value`, `reference`."""
    links: Links = Field(default_factory=list)
    """Links to the description and the execution."""


class ProcessDescription(ProcessSummary):
    """A process with its inputs and outputs, by name; drafts of 1.0 are read as 1.0."""

    @model_validator(mode="before")
    @classmethod
    def _unwrapped(cls, value: object) -> object:
        """Drafts of 1.0 have it as `process`."""
        wrapped = value.get("process") if isinstance(value, dict) and "id" not in value else None
        return wrapped if isinstance(wrapped, dict) else value

    inputs: Annotated[
        dict[str, Annotated[InputDescription, BeforeValidator(_described)]], BeforeValidator(_mapping)
    ] = Field(default_factory=dict)
    """By name."""
    outputs: Annotated[
        dict[str, Annotated[OutputDescription, BeforeValidator(_described)]], BeforeValidator(_mapping)
    ] = Field(default_factory=dict)
    """By name."""


class ProcessList(_Document):
    """The processes of a server."""

    processes: list[ProcessSummary]
    """Summaries."""
    links: Links = Field(default_factory=list)
    """Links of the first page; `next` only where pages were left."""


class Output(_Document):
    """How one output is wanted."""

    format: Format | None = None
    """Media type and schema wanted."""
    transmissionMode: Literal["value", "reference"] | None = None
    """In the answer, or as a link."""


class Subscriber(_Document):
    """Whom the server calls back. The job's id is not in the call: put a token of yours in the URLs."""

    successUri: str
    """Gets the results."""
    inProgressUri: str | None = None
    """Gets status documents."""
    failedUri: str | None = None
    """Gets the error."""


class ProcessRequest(_Document):
    """What to execute with.

    An input is a JSON value; a JSON object as a value must be wrapped as `{"value": {...}}` (with
    `mediaType`, `encoding`, `schema` where they matter); `{"href": url, "type": media type}` is a
    reference; an array holds several values.
    """

    inputs: dict[str, Any] = Field(default_factory=dict)
    """By name."""
    outputs: dict[str, Output] | None = None
    """By name; None: all, as the server likes."""
    subscriber: Subscriber | None = None
    """Whom to call back."""
    response: Literal["raw", "document"] | None = None
    """1.0 only: the value itself, or a JSON document of all; None leaves it to the server (raw)."""


class JobInfo(_Document):
    """A job as the server sees it."""

    jobID: Annotated[str, BeforeValidator(_text)] = Field(validation_alias=AliasChoices("jobID", "id"))
    """Identifier; the 2.0 draft calls it `id`."""
    status: str
    """Raw status; `eoflows.services.ogc_processes.phase_of` says what it means."""
    processID: Text = None
    """Process."""
    type: Text = "process"
    """Kind of job."""
    message: Text = None
    """What the server says."""
    created: Time = None
    """When it was accepted, UTC."""
    started: Time = None
    """When it began, UTC."""
    finished: Time = None
    """When it ended, UTC."""
    updated: Time = None
    """When this document changed last, UTC."""
    progress: Percent = None
    """Per cent, 0 to 100."""
    links: Links = Field(default_factory=list)
    """Links to results and others."""
    traceback: Any = Field(default=None, alias="x-traceback")
    """Of the server, where it shows one."""


class JobList(_Document):
    """The jobs of a server."""

    jobs: list[JobInfo]
    """Status documents, each job once, in the server's order."""
    links: Links = Field(default_factory=list)
    """Links of the first page; `next` only where pages were left."""


class QualifiedValue(Format):
    """A value with its format."""

    value: Any
    """JSON; text where `encoding` says how bytes are written."""

    @property
    def data(self) -> bytes:
        """The value as bytes: decoded from base64 where `encoding` says so, else text as UTF-8.

        Raises:
            ContractError: The value is neither text nor base64.
        """
        if not isinstance(self.value, str):
            raise ContractError(f"a value of type {type(self.value).__name__} has no bytes; use `value`")
        if (self.encoding or "").lower() != "base64":
            return self.value.encode()
        try:
            return from_base64(self.value)
        except ValueError as error:
            raise ContractError(f"a value that is said to be base64 is not: {error}") from error


JobResult = Link | QualifiedValue | Any
"""A reference, a value with its format, or plain JSON; told apart by `result_of`, never by guessing."""


class JobResults(RootModel[dict[str, Any]]):
    """The outputs of a job by name: each a `Link`, a `QualifiedValue` or plain JSON.

    | the server sent | here |
    |---|---|
    | a JSON document of outputs | each output under its name |
    | one raw JSON value | plain JSON under the output's name |
    | other raw bytes | `QualifiedValue` with `mediaType`; text as it is, all else `encoding="base64"` |
    | multipart/related | one entry per part, by its Content-ID; each as one raw answer |
    | 204 with Link headers | one `Link` per header |

    A raw answer does not say its output's name: it is the one output that was asked for, else `result`.
    `data` of a `QualifiedValue` gives the bytes.
    """

    model_config = ConfigDict(frozen=True)

    def __getitem__(self, name: str) -> JobResult:
        return self.root[name]

    def __contains__(self, name: object) -> bool:
        return name in self.root

    def __len__(self) -> int:
        return len(self.root)

    def names(self) -> Iterator[str]:
        """The outputs' names."""
        return iter(self.root)


class ApiError(_Document):
    """What the server says of a failure (RFC 7807), read from whatever shape it came in."""

    type: str
    """URI or name of the kind of error; `about:blank` where the server gives none."""
    title: Text = None
    """The kind of error, for people."""
    status: int | None = None
    """HTTP status; None where no answer came."""
    detail: Text = None
    """What went wrong this time."""
    instance: Text = None
    """URI of this occurrence."""
    traceback: Any = Field(default=None, alias="x-traceback")
    """Of the server, where it shows one."""
