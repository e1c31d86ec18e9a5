"""What computing costs: quotas, and what was used."""

from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from eoflows.base.current_client import current
from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.services.geo_engine.client import GeoEngineClient, checked_id

if TYPE_CHECKING:
    import pandas as pd  # type: ignore[import-untyped]

__all__ = [
    "DataUsage",
    "Quota",
    "UsageSummaryGranularity",
    "data_usage",
    "data_usage_summary",
    "get_quota",
    "update_quota",
]


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)


class Quota(_Document):
    """What a user may still compute.

    Attributes:
        available: Units left; it may be below zero.
        used: Units used so far.
    """

    available: int
    used: int


class DataUsage(_Document):
    """One use of data.

    Attributes:
        timestamp: When, UTC.
        user_id: Who.
        computation_id: In which computation.
        data: Name of the data.
        count: Units.
    """

    timestamp: datetime
    user_id: UUID
    computation_id: UUID
    data: str
    count: int


class UsageSummaryGranularity(StrEnum):
    """Length of time that a summary counts together."""

    MINUTES = "minutes"
    HOURS = "hours"
    DAYS = "days"
    MONTHS = "months"
    YEARS = "years"


def get_quota(
    user_id: UUID | None = None, timeout: int = 60, *, client: GeoEngineClient | None = None
) -> Quota:
    """Give a user's quota.

    Args:
        user_id: Whose; None is one's own. Only administrators may ask for others.
        timeout: Seconds to wait.
        client: The server; None is the one of the nearest `with client:`.

    Raises:
        RefusedError: The quota of somebody else was asked for, and the user is no administrator.
    """
    server = current(GeoEngineClient, client)
    path = "quota" if user_id is None else f"quotas/{checked_id(user_id)}"
    return _read(Quota, server.wait(server.document("GET", path, timeout=timeout)), server.url)


def update_quota(
    user_id: UUID, new_available_quota: int, timeout: int = 60, *, client: GeoEngineClient | None = None
) -> None:
    """Set what a user may still compute. Only administrators may.

    Args:
        user_id: Whose.
        new_available_quota: Units from now on.
        timeout: Seconds to wait.
        client: The server; None is the one of the nearest `with client:`.

    Raises:
        RefusedError: The user is no administrator.
    """
    server = current(GeoEngineClient, client)
    body = {"available": new_available_quota}
    server.wait(server.call("POST", f"quotas/{checked_id(user_id)}", json=body, timeout=timeout))


def data_usage(offset: int = 0, limit: int = 10, *, client: GeoEngineClient | None = None) -> list[DataUsage]:
    """Give all users' uses of data, the latest first. Only administrators may.

    Args:
        offset: Uses to leave out.
        limit: Most uses to give.
        client: The server; None is the one of the nearest `with client:`.

    Raises:
        RefusedError: The user is no administrator.
    """
    server = current(GeoEngineClient, client)
    params = _page(offset, limit)
    document = server.wait(server.document("GET", "quota/dataUsage", params=params))
    return [_read(DataUsage, entry, server.url) for entry in _entries(document, server.url)]


def data_usage_summary(
    granularity: UsageSummaryGranularity,
    dataset: str | None = None,
    offset: int = 0,
    limit: int = 10,
    *,
    client: GeoEngineClient | None = None,
) -> "pd.DataFrame":
    """Give all users' uses of data, counted together. Only administrators may.

    Args:
        granularity: Length of time.
        dataset: Only this data; None is all.
        offset: Rows to leave out.
        limit: Most rows to give.
        client: The server; None is the one of the nearest `with client:`.

    Returns:
        Columns `timestamp` (datetime64, UTC), `data` and `count`.

    Raises:
        RefusedError: The user is no administrator.
    """
    import pandas as pd  # noqa: PLC0415

    server = current(GeoEngineClient, client)
    params = {"granularity": UsageSummaryGranularity(granularity).value, **_page(offset, limit)}
    params |= {} if dataset is None else {"dataset": dataset}
    document = server.wait(server.document("GET", "quota/dataUsage/summary", params=params))
    frame = pd.DataFrame(_entries(document, server.url), columns=["timestamp", "data", "count"])
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], utc=True, format="ISO8601")
    return frame


def _page(offset: int, limit: int) -> dict[str, str]:
    if offset < 0 or limit < 1:
        raise InvalidInputError(f"offset {offset} must be 0 or more, limit {limit} 1 or more")
    return {"offset": str(offset), "limit": str(limit)}


def _entries(document: Any, url: str) -> list[Any]:
    if not isinstance(document, list):
        raise ContractError("the usage of data is no list", url=url)
    return document


M = TypeVar("M", bound=BaseModel)


def _read(model: type[M], document: Any, url: str) -> M:
    try:
        return model.model_validate(document)
    except ValidationError as error:
        raise ContractError(f"a {model.__name__} cannot be read: {error}", url=url) from error
