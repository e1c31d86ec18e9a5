"""Services that run jobs, found by what installed packages register; a package of its own can bring one.

An entry point of the group `eoflows.services` has the service's name and leads to the model of its requests.
That model is all that is asked of a service here: everything else comes with the block that opens it.
Whatever is wrong with one registration keeps that service from being used, and no other.
"""

import logging
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from inspect import isabstract
from typing import Annotated, Any, get_args

from pydantic import GetCoreSchemaHandler, TypeAdapter, ValidationError
from pydantic_core import CoreSchema, core_schema

from eoflows.base.errors import EoError, InvalidInputError, MissingExtraError
from eoflows.base.faults import faults_of
from eoflows.jobs.models import JobRequest

__all__ = ["GROUP", "AnyRequest", "Services", "read_request", "registered_services"]

GROUP = "eoflows.services"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Services:
    """Services by their names.

    Attributes:
        requests: The model of each one's requests.
        faults: Why others that are registered cannot be used.
    """

    requests: Mapping[str, type[JobRequest]]
    faults: Mapping[str, str]

    @classmethod
    def load(cls, entries: Iterable[EntryPoint]) -> "Services":
        """Import what is registered; what cannot be used is logged and goes to `faults`."""
        by_name: dict[str, list[EntryPoint]] = {}
        for entry in sorted(entries, key=lambda entry: entry.name):
            by_name.setdefault(entry.name, []).append(entry)
        requests, faults = dict[str, type[JobRequest]](), dict[str, str]()
        for name, claims in by_name.items():
            try:
                requests[name] = _sole(claims)
            except InvalidInputError as error:
                faults[name] = str(error)
                _log.warning("%s", error)
        return cls(requests, faults)

    def request(self, service: str) -> type[JobRequest]:
        """Give the model of a service's requests.

        Raises:
            InvalidInputError: No package registers the service, or it cannot be used.
        """
        if service in self.faults:
            raise InvalidInputError(self.faults[service])
        if service not in self.requests:
            raise InvalidInputError(
                f"no service is registered as {service[:80]!r}; there are {', '.join(self.requests)}"
            )
        return self.requests[service]


@cache
def registered_services() -> Services:
    """Give the services of all installed packages, read once per process.

    Raises:
        EoError: There is none, which says that eoflows itself is not installed.
    """
    services = Services.load(entry_points(group=GROUP))
    if not services.requests:
        # Were it an InvalidInputError, Prefect would make a form that takes anything.
        raise EoError(f"no package registers a service ({GROUP}); install eoflows anew: pip install -e .")
    return services


def _sole(claims: list[EntryPoint]) -> type[JobRequest]:
    """Import the model of one service, which only one package may claim."""
    if len(claims) > 1:
        packages = " and ".join(sorted(map(_package, claims)))
        raise InvalidInputError(
            f"service {claims[0].name!r} is registered by {packages}; remove all but one of them"
        )
    (entry,) = claims
    try:
        fault = _fault(entry, model := entry.load())
    except Exception as error:  # noqa: BLE001 a stranger's package: whatever it raises is its own fault
        missing = isinstance(error, ImportError) and not isinstance(error, MissingExtraError)
        fault = f"{type(error).__name__}: {error}{_extra(entry) if missing else ''}"
    if fault:
        raise InvalidInputError(f"service {entry.name!r} of {_package(entry)} cannot be used: {fault}")
    found: type[JobRequest] = model
    return found


def _fault(entry: EntryPoint, model: Any) -> str:
    """Say what keeps an object from being the model of a service's requests; empty: nothing."""
    if not (isinstance(model, type) and issubclass(model, JobRequest)):
        return f"{entry.value} is no model of requests (JobRequest)"
    if get_args(model.model_fields["service"].annotation) != (entry.name,):
        return f"the field `service` of {entry.value} is not Literal[{entry.name!r}]"
    if isabstract(model):
        return f"{entry.value} lacks {', '.join(sorted(model.__abstractmethods__))}"
    # Prefect makes no form at all if one of the models has none.
    model.model_json_schema()
    return ""


def _package(entry: EntryPoint) -> str:
    return f"{entry.dist.name} {entry.dist.version}" if entry.dist else "a package without a name"


def _extra(entry: EntryPoint) -> str:
    """Say how the extra of a service's name is installed, where its package has one."""
    extra = re.sub(r"[-_.]+", "-", entry.name).lower()
    if entry.dist and extra in (entry.dist.metadata.get_all("Provides-Extra") or []):
        return f"; pip install '{entry.dist.name}[{extra}]'"
    return ""


class _OfAnyService:
    """Has pydantic read a request by the model of its `service`, and describe all of them in a form."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        services = registered_services()

        def known(value: Any) -> Any:
            service = value.get("service") if isinstance(value, Mapping) else getattr(value, "service", None)
            if isinstance(service, str):
                services.request(service)
            return value

        union = core_schema.tagged_union_schema(
            {name: handler.generate_schema(model) for name, model in services.requests.items()},
            discriminator="service",
        )
        return core_schema.no_info_before_validator_function(known, union)


AnyRequest = Annotated[JobRequest, _OfAnyService()]
"""A request of any registered service, told apart by `service`."""


@cache
def _reader() -> TypeAdapter[JobRequest]:
    return TypeAdapter(AnyRequest)


def read_request(document: Any) -> JobRequest:
    """Read a request of any registered service.

    Args:
        document: Its fields, `service` among them, or the request itself.

    Raises:
        InvalidInputError: It is none of them; the message says what is wrong.
    """
    try:
        return _reader().validate_python(document)
    except ValidationError as error:
        raise InvalidInputError(faults_of(error, whole="the request")) from None
