"""What makes one fitting product better than another: the ranking keys of the policies."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from eoflows.base.times import OPEN_END, OPEN_START, Interval, format_utc
from eoflows.products.selection.frame import Frame
from eoflows.products.selection.generation import generation
from eoflows.stores.stac.items import ItemDict

__all__ = [
    "CENTRED",
    "EARLIEST_END",
    "EARLIEST_START",
    "END_NEAR_CENTRE",
    "LATEST_CREATED",
    "LATEST_START",
    "OVERLAP",
    "START_NEAR_CENTRE",
    "START_NEAR_START",
    "TIES",
    "Candidate",
    "Criterion",
]


@dataclass(frozen=True, slots=True)
class Candidate:
    """What ranking needs of a product; the item itself is not kept.

    Attributes:
        id: Item id.
        collection: Its collection at the source.
        platform: Satellite, or an empty text.
        validity: When it is valid.
        created: When it was made, aware UTC.
        created_from: Where that is written.
    """

    id: str
    collection: str
    platform: str
    validity: Interval
    created: datetime
    created_from: str

    @classmethod
    def read(cls, item: ItemDict, validity: Interval) -> "Candidate":
        """Read an item whose validity is known already.

        Raises:
            InvalidInputError: Its generation time is no time.
        """
        created, created_from = generation(item)
        platform = item["properties"].get("platform") or ""
        return cls(
            item["id"], str(item.get("collection") or ""), str(platform), validity, created, created_from
        )


@dataclass(frozen=True)
class Criterion:
    """One part of a ranking key.

    Attributes:
        phrase: What the best product is, for people.
        value: The greater, the better.
        tell: What is to be known of a product.
    """

    phrase: str
    value: Callable[[Candidate, Frame], Any]
    tell: Callable[[Candidate, Frame], str]


def _moment(moment: datetime) -> str:
    return {OPEN_START: "..", OPEN_END: ".."}.get(moment) or format_utc(moment)


def _seconds(span: timedelta) -> str:
    return f"{span.total_seconds():.15g} s"


def _overlap(product: Candidate, frame: Frame) -> timedelta:
    validity, asked = product.validity, frame.asked
    return min(validity.end, asked.end) - max(validity.start, asked.start)


def _reach(product: Candidate, frame: Frame) -> timedelta:
    validity, asked = product.validity, frame.asked
    return min(asked.start - validity.start, validity.end - asked.end)


def _start_off_start(product: Candidate, frame: Frame) -> timedelta:
    return abs(product.validity.start - frame.asked.start)


def _start_off_centre(product: Candidate, frame: Frame) -> timedelta:
    return abs(product.validity.start - frame.centre)


def _end_off_centre(product: Candidate, frame: Frame) -> timedelta:
    return abs(product.validity.end - frame.centre)


def _starts(product: Candidate, _: Frame) -> str:
    return f"starts {_moment(product.validity.start)}"


def _ends(product: Candidate, _: Frame) -> str:
    return f"ends {_moment(product.validity.end)}"


LATEST_CREATED = Criterion(
    "latest created",
    lambda product, _: product.created,
    lambda product, _: f"was created {_moment(product.created)} ({product.created_from})",
)
LATEST_START = Criterion("latest start", lambda product, _: product.validity.start, _starts)
EARLIEST_START = Criterion("earliest start", lambda product, _: OPEN_END - product.validity.start, _starts)
EARLIEST_END = Criterion("earliest end", lambda product, _: OPEN_END - product.validity.end, _ends)
OVERLAP = Criterion(
    "largest overlap", _overlap, lambda product, frame: f"overlaps by {_seconds(_overlap(product, frame))}"
)
CENTRED = Criterion(
    "widest reach on its shorter side",
    _reach,
    lambda product, frame: f"reaches {_seconds(_reach(product, frame))} beyond",
)
START_NEAR_START = Criterion(
    "start closest to the interval's",
    lambda product, frame: -_start_off_start(product, frame),
    lambda product, frame: f"starts {_seconds(_start_off_start(product, frame))} off",
)
START_NEAR_CENTRE = Criterion(
    "start closest to the centre",
    lambda product, frame: -_start_off_centre(product, frame),
    lambda product, frame: f"starts {_seconds(_start_off_centre(product, frame))} from the centre",
)
END_NEAR_CENTRE = Criterion(
    "end closest to the centre",
    lambda product, frame: -_end_off_centre(product, frame),
    lambda product, frame: f"ends {_seconds(_end_off_centre(product, frame))} from the centre",
)
# Names end with a version, so of two equally old products the greater name is the later version.
_GREATEST_ID = Criterion(
    "greatest id, letter by letter",
    lambda product, _: (product.id, product.collection),
    lambda product, _: f"has the id {product.id}",
)
TIES = (LATEST_CREATED, _GREATEST_ID)
"""Decide between products that are equal in all that a policy asks."""
