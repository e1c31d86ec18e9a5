"""How a product's validity must be to the interval: the predicates of the policies."""

from collections.abc import Callable
from dataclasses import dataclass

from eoflows.base.times import Interval
from eoflows.products.selection.frame import Boundary, Frame

__all__ = ["COVERS", "ENDS_NEAR", "MEETS", "STARTS_NEAR", "Relation"]


@dataclass(frozen=True)
class Relation:
    """A predicate, for the exact choice and for the wire.

    Attributes:
        phrase: What a fitting validity does, for people.
        denial: What another one does.
        holds: The exact predicate, on a validity.
        operator: The CQL2 operator (OGC 21-065) that a station is asked with.
        span: Which interval it is about. Every validity for which `holds` is true is also in
            `operator` with this interval, bounds counted.
    """

    phrase: str
    denial: str
    holds: Callable[[Interval, Frame], bool]
    operator: str
    span: Callable[[Frame], Interval]


def _asked(frame: Frame) -> Interval:
    return frame.asked


def _window(frame: Frame) -> Interval:
    return frame.window


def _covers(validity: Interval, frame: Frame) -> bool:
    if frame.boundary is Boundary.STRICT:
        return validity.start < frame.asked.start and validity.end > frame.asked.end
    return validity.start <= frame.asked.start and validity.end >= frame.asked.end


def _meets(validity: Interval, frame: Frame) -> bool:
    if frame.boundary is Boundary.STRICT:
        return validity.start < frame.asked.end and validity.end > frame.asked.start
    return validity.start <= frame.asked.end and validity.end >= frame.asked.start


def _starts_near(validity: Interval, frame: Frame) -> bool:
    return frame.window.start <= validity.start <= frame.window.end


def _ends_near(validity: Interval, frame: Frame) -> bool:
    return frame.window.start <= validity.end <= frame.window.end


COVERS = Relation("covers", "does not cover", _covers, "t_contains", _asked)
MEETS = Relation("meets", "does not meet", _meets, "t_intersects", _asked)
STARTS_NEAR = Relation("starts within", "does not start within", _starts_near, "t_intersects", _window)
ENDS_NEAR = Relation("ends within", "does not end within", _ends_near, "t_intersects", _window)
