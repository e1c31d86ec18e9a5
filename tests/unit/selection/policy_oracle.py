"""What each policy should choose, by brute force: every product against every other, in whole milliseconds.

Written from the table in the issue, sharing nothing with the code under test but the product itself.
"""

from collections.abc import Callable
from dataclasses import dataclass

FOREVER = 10**18


@dataclass(frozen=True)
class P:
    """A product: times in milliseconds since an epoch; `start` None stands for nothing."""

    id: str
    start: int
    end: int
    made: int
    platform: str = "sentinel-1a"
    kind: str = "AUX_POEORB"


@dataclass(frozen=True)
class Q:
    """A question: interval with margins applied already."""

    policy: str
    a: int
    b: int
    strict: bool = False
    platform: str | None = None
    window: tuple[int, int] = (-FOREVER, FOREVER)
    kind: str = "AUX_POEORB"


def newer(x: P, y: P) -> bool:
    return x.made > y.made or (x.made == y.made and x.id > y.id)


def covers(p: P, q: Q) -> bool:
    return (p.start < q.a and p.end > q.b) if q.strict else (p.start <= q.a and p.end >= q.b)


def meets(p: P, q: Q) -> bool:
    return (p.start < q.b and p.end > q.a) if q.strict else not (p.start > q.b or p.end < q.a)


def pool(products: list[P], q: Q) -> list[P]:
    kind = [p for p in products if p.kind == q.kind and q.platform in (None, p.platform)]
    if q.policy in ("LatestValidity", "ClosestStartValidity"):
        return [p for p in kind if q.window[0] <= p.start <= q.window[1]]
    if q.policy == "ClosestStopValidity":
        return [p for p in kind if q.window[0] <= p.end <= q.window[1]]
    if "Cover" in q.policy:
        return [p for p in kind if covers(p, q)]
    return [p for p in kind if meets(p, q)]


def lexical(*figures: Callable[[P], int]) -> Callable[[P, P], bool]:
    """Better: a smaller first figure, then a smaller second ..., then newer."""

    def better(x: P, y: P) -> bool:
        for figure in figures:
            if figure(x) != figure(y):
                return figure(x) < figure(y)
        return newer(x, y)

    return better


def overlap(p: P, q: Q) -> int:
    first = q.a if q.a > p.start else p.start
    last = q.b if q.b < p.end else p.end
    return last - first


def better_than(q: Q) -> Callable[[P, P], bool]:
    # Twice the centre, so that it stays whole.
    middle = q.a + q.b
    return {
        "LatestValCover": newer,
        "LatestValIntersect": newer,
        "LatestValCoverClosest": lexical(lambda p: abs(p.start - q.a)),
        "BestCentredCover": lexical(lambda p: -min(q.a - p.start, p.end - q.b)),
        "LargestOverlap": lexical(lambda p: -overlap(p, q), lambda p: abs(p.start - q.a)),
        "LatestValidity": lexical(lambda p: -p.start),
        "ClosestStartValidity": lexical(lambda p: abs(2 * p.start - middle), lambda p: p.start),
        "ClosestStopValidity": lexical(lambda p: abs(2 * p.end - middle), lambda p: p.end),
    }[q.policy]


def expected(products: list[P], q: Q) -> set[str]:
    fitting = pool(products, q)
    if q.policy in ("ValCover", "ValIntersect"):
        return {p.id for p in fitting}
    if q.policy == "ValIntersectWithoutDuplicates":
        return {
            p.id
            for p in fitting
            if not any(
                (o.start, o.end, o.platform) == (p.start, p.end, p.platform) and newer(o, p)
                for o in fitting
                if o is not p
            )
        }
    better = better_than(q)
    return {p.id for p in fitting if not any(better(o, p) for o in fitting if o is not p)}
