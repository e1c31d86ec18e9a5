"""Selection policies, as data: a predicate, a ranking key, and what is kept.

A policy has two sides. The filter that goes over the wire (`wire.py`) may let too much through,
never too little; the exact choice is made here, on the items that came.

Let the interval be `[A, B]` = `[start - dTa, end + dTb]`, its centre `C`, and a validity `[s, e]`.

| policy | fits | best | kept |
|---|---|---|---|
| ValCover | s <= A and e >= B | | all |
| LatestValCover | as ValCover | latest created | one |
| LatestValCoverClosest | as ValCover | s closest to A | one |
| BestCentredCover | as ValCover | greatest min(A - s, e - B) | one |
| ValIntersect | s <= B and e >= A | | all |
| LatestValIntersect | as ValIntersect | latest created | one |
| ValIntersectWithoutDuplicates | as ValIntersect | latest created | one per platform and validity |
| LargestOverlap | as ValIntersect | longest common span, then s closest to A | one |
| LatestValidity | s in the window | latest s | one |
| ClosestStartValidity | s in the window | s closest to C, then the earlier | one |
| ClosestStopValidity | e in the window | e closest to C, then the earlier | one |

Ties fall to the latest created (see `generation`), then to the greatest id, letter by letter.
`Boundary.STRICT` makes every `<=` and `>=` on A and B strict. The window is `[A - look.before,
B + look.after]`, and its ends always count.

Sources. The names and meanings are those of annex B of ESA's Generic IPF Interface Specifications
(MMFI-GSEG-EOPG-TN-07-0003, issue 1.8), as public software restates them: dlr-eoc/prosEO
(`SimplePolicy.java`: margins only widen; ValCover counts its bounds, ValIntersect does not) and
coordinationdesk/auxiliary-data-gathering-reprocessing (`ReprocessingDataBaseline`, which quotes the annex
rule by rule, "latest" being the generation date). The annex calls one of them BestCenteredCover. Its text of
LargestOverlap asks for cover and then speaks of partial coverage; as in sentineltoolbox's task-table
converter, any overlap fits here, and full covers come out as in LatestValCoverClosest, as the annex says.
ClosestStartValidity, ClosestStopValidity and ValIntersectWithoutDuplicates are the Reference System's
(COPRS/production-common, metadata search: centre of the widened interval, the earlier of two equally far).
LatestValidity has no interval in the annex; the window can give it one.
"""

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from enum import StrEnum

from eoflows.products.selection.frame import UNLIMITED, Look
from eoflows.products.selection.ranking import (
    CENTRED,
    EARLIEST_END,
    EARLIEST_START,
    END_NEAR_CENTRE,
    LATEST_CREATED,
    LATEST_START,
    OVERLAP,
    START_NEAR_CENTRE,
    START_NEAR_START,
    TIES,
    Candidate,
    Criterion,
)
from eoflows.products.selection.relations import COVERS, ENDS_NEAR, MEETS, STARTS_NEAR, Relation

__all__ = ["POLICIES", "Policy", "PolicyName"]

_WEEK = 7 * 86_400.0


class PolicyName(StrEnum):
    """The policies by the names that Sentinel task tables use."""

    VAL_COVER = "ValCover"
    LATEST_VAL_COVER = "LatestValCover"
    LATEST_VAL_COVER_CLOSEST = "LatestValCoverClosest"
    BEST_CENTRED_COVER = "BestCentredCover"
    VAL_INTERSECT = "ValIntersect"
    LATEST_VAL_INTERSECT = "LatestValIntersect"
    VAL_INTERSECT_WITHOUT_DUPLICATES = "ValIntersectWithoutDuplicates"
    LARGEST_OVERLAP = "LargestOverlap"
    LATEST_VALIDITY = "LatestValidity"
    CLOSEST_START_VALIDITY = "ClosestStartValidity"
    CLOSEST_STOP_VALIDITY = "ClosestStopValidity"


Group = Callable[[Candidate], Hashable]
"""Products of one group compete; the best is kept."""


def _all_compete(_: Candidate) -> Hashable:
    return None


def _same_validity(product: Candidate) -> Hashable:
    # Two satellites have orbits of the same validity, and need both.
    return product.platform, product.validity


@dataclass(frozen=True)
class Policy:
    """One selection policy.

    Attributes:
        name: Its name in task tables.
        relation: The predicate on the validity.
        ranking: What makes a product the best of its group, most important first, ties included.
        group: Which products compete; None keeps all that fit, and needs no ranking.
        look: How far it looks if nothing else is said; None looks at the interval alone.
        centred: It compares with the interval's centre, so the interval must have one.
    """

    name: PolicyName
    relation: Relation
    ranking: tuple[Criterion, ...] = ()
    group: Group | None = None
    look: Look | None = None
    centred: bool = False

    @property
    def ranks(self) -> bool:
        """Whether products compete, so that one that did not come could be the better choice."""
        return self.group is not None


def _best(
    name: PolicyName,
    relation: Relation,
    *ranking: Criterion,
    group: Group = _all_compete,
    look: Look | None = None,
    centred: bool = False,
) -> Policy:
    return Policy(name, relation, tuple(dict.fromkeys((*ranking, *TIES))), group, look, centred)


_AROUND = Look(_WEEK, _WEEK)

POLICIES = {
    policy.name: policy
    for policy in (
        Policy(PolicyName.VAL_COVER, COVERS),
        _best(PolicyName.LATEST_VAL_COVER, COVERS, LATEST_CREATED),
        _best(PolicyName.LATEST_VAL_COVER_CLOSEST, COVERS, START_NEAR_START),
        _best(PolicyName.BEST_CENTRED_COVER, COVERS, CENTRED),
        Policy(PolicyName.VAL_INTERSECT, MEETS),
        _best(PolicyName.LATEST_VAL_INTERSECT, MEETS, LATEST_CREATED),
        _best(PolicyName.VAL_INTERSECT_WITHOUT_DUPLICATES, MEETS, LATEST_CREATED, group=_same_validity),
        _best(PolicyName.LARGEST_OVERLAP, MEETS, OVERLAP, START_NEAR_START),
        _best(PolicyName.LATEST_VALIDITY, STARTS_NEAR, LATEST_START, look=UNLIMITED),
        _best(
            PolicyName.CLOSEST_START_VALIDITY,
            STARTS_NEAR,
            START_NEAR_CENTRE,
            EARLIEST_START,
            look=_AROUND,
            centred=True,
        ),
        _best(
            PolicyName.CLOSEST_STOP_VALIDITY,
            ENDS_NEAR,
            END_NEAR_CENTRE,
            EARLIEST_END,
            look=_AROUND,
            centred=True,
        ),
    )
}
