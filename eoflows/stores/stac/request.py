"""What is asked of a STAC search."""

from collections.abc import Mapping
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import Interval, format_utc

__all__ = ["SearchRequest"]


class SearchRequest(BaseModel):
    """One search, as a frozen value.

    Attributes:
        filter: CQL2 in JSON, or None for everything.
        collections: Only these, as a list or with commas; empty is all that the caller may read.
        sortby: `{"field", "direction"}` pairs; `-name`, `+name`, `name`, and several with commas are
            accepted. Stations accept one.
        timestamp: `datetime` of the STAC search, closed on both ends, or None. A date is its whole day.
        limit: Upper limit of items in all, not of a page; None is no limit.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    filter: dict[str, Any] | None = None
    collections: tuple[str, ...] = ()
    sortby: tuple[dict[str, str], ...] = ()
    timestamp: str | None = None
    limit: int | None = Field(default=None, ge=1)

    @classmethod
    def from_envelope(cls, envelope: Mapping[str, Any]) -> Self:
        """Read what task tables hold: an envelope, or a bare CQL2 expression.

        Args:
            envelope: `{filter, limit, collections, sortby, timestamp}`, each optional, where
                `datetime` means `timestamp`; or an expression with `op` and `args`.

        Raises:
            InvalidInputError: Another key, both names of the timestamp, or a value of the wrong kind.
        """
        if not isinstance(envelope, Mapping):
            raise InvalidInputError(f"the search is {envelope!r}; give a JSON object")
        if "op" in envelope:
            envelope = {"filter": dict(envelope)}
        values = {key: value for key, value in envelope.items() if value is not None}
        if "datetime" in values:
            if "timestamp" in values:
                raise InvalidInputError("the search has both `timestamp` and `datetime`; give one of them")
            values["timestamp"] = values.pop("datetime")
        unknown = sorted(set(values) - set(cls.model_fields))
        if unknown:
            raise InvalidInputError(
                f"the search has {', '.join(map(repr, unknown))}; it may have filter, limit, collections, "
                "sortby and timestamp, or be a CQL2 expression with op and args"
            )
        try:
            return cls(**values)
        except ValidationError as error:
            raise InvalidInputError(_first_fault(error)) from error

    def body(self, page_size: int) -> dict[str, Any]:
        """Give the body of `POST /search` for its first page."""
        body: dict[str, Any] = {"limit": min(page_size, self.limit or page_size)}
        if self.filter is not None:
            body |= {"filter": self.filter, "filter-lang": "cql2-json"}
        if self.collections:
            body["collections"] = list(self.collections)
        if self.sortby:
            body["sortby"] = list(self.sortby)
        if self.timestamp:
            body["datetime"] = self.timestamp
        return body

    @field_validator("filter")
    @classmethod
    def _expression(cls, value: dict[str, Any] | None) -> dict[str, Any] | None:
        if value is not None and not (
            isinstance(value.get("op"), str) and isinstance(value.get("args"), list)
        ):
            raise ValueError('is no CQL2 expression: it needs "op" and "args"')
        return value

    @field_validator("collections", mode="before")
    @classmethod
    def _list(cls, value: Any) -> Any:
        return _parts(value) if isinstance(value, str) else value

    @field_validator("sortby", mode="before")
    @classmethod
    def _terms(cls, value: Any) -> Any:
        terms = [value] if isinstance(value, Mapping) else _parts(value) if isinstance(value, str) else value
        if not isinstance(terms, list | tuple):
            raise ValueError("must be text like '-created', or a list of those")
        return tuple(_term(term) for term in terms)

    @field_validator("timestamp", mode="before")
    @classmethod
    def _times(cls, value: Any) -> Any:
        if not isinstance(value, str):
            raise ValueError("must be a time or an interval like 2025-01-01T00:00:00Z/..")
        span = Interval.of_days(value)
        return str(span) if span.duration else format_utc(span.start)


def _parts(text: str) -> tuple[str, ...]:
    """Read what may be several with commas between them."""
    return tuple(part for part in map(str.strip, text.split(",")) if part)


def _term(term: Any) -> dict[str, str]:
    if isinstance(term, str):
        direction = "desc" if term.startswith("-") else "asc"
        term = {"field": term.lstrip("+-"), "direction": direction}
    if not isinstance(term, Mapping) or not term.get("field"):
        raise ValueError(f"has {term!r}; write '-created', or field and direction")
    direction = str(term.get("direction", "asc")).lower()
    if direction not in ("asc", "desc"):
        raise ValueError(f"has direction {direction!r}; write asc or desc")
    return {"field": str(term["field"]), "direction": direction}


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    name = ".".join(str(part) for part in fault["loc"])
    return (
        f"the search's {name} is {str(fault['input'])[:120]!r}: {fault['msg'].removeprefix('Value error, ')}"
    )
