"""The exact choice among the items that a search gives, page by page.

Policies that keep all that fits decide at once. The others hold what fits until the last page has come:
of each group the best item, and of the rest only what ranking and its reason need.
"""

from collections.abc import Hashable
from typing import Any

from eoflows.base.errors import InvalidInputError
from eoflows.products.selection.ranking import Candidate, Criterion
from eoflows.products.selection.wanted import Wanted
from eoflows.stores.stac.items import ItemDict

__all__ = ["Selection"]

Key = tuple[Any, ...]


class Selection:
    """Chooses what is wanted.

    Args:
        wanted: What is looked for.
        most: Products that may compete; about 850 bytes of memory each.
    """

    def __init__(self, wanted: Wanted, *, most: int = 250_000) -> None:
        self._wanted, self._most = wanted, most
        self._rule, self._frame = wanted.rule, wanted.frame
        self._best: dict[Hashable, tuple[Key, Candidate, ItemDict]] = {}
        self._competing: dict[Hashable, list[Candidate]] = {}
        self._count = 0

    def judge(self, item: ItemDict) -> tuple[bool, str] | None:
        """Say whether an item is chosen, and why; None if that is known only in `settle`.

        Raises:
            InvalidInputError: The item's times cannot be read.
        """
        span = self._wanted.read(item)
        if isinstance(span, str):
            return False, span
        fits, reason = self._wanted.compare(span)
        if not fits or self._rule.group is None:
            return fits, reason
        product = Candidate.read(item, span)
        self._hold(self._rule.group(product), product, item)
        return None

    def settle(self) -> tuple[list[tuple[ItemDict, str]], list[tuple[str, str]]]:
        """Decide about the products that are held, once every page has come.

        Returns:
            The chosen items with their reasons, and the ids of the others with theirs.

        Raises:
            InvalidInputError: More products competed than may.
        """
        if self._count > self._most:
            raise InvalidInputError(
                f"{self._wanted.policy} would have to rank {self._count} products of type "
                f"{self._wanted.product_type}, and {self._most} are allowed; shorten the interval or how "
                "far it looks"
            )
        chosen, passed = [], []
        for group, (_, winner, item) in self._best.items():
            chosen.append((item, self._won(winner, len(self._competing[group]))))
            passed += [
                (product.id, self._lost(product, winner))
                for product in self._competing[group]
                if product is not winner
            ]
        return chosen, passed

    def _hold(self, group: Hashable, product: Candidate, item: ItemDict) -> None:
        self._count += 1
        if self._count > self._most:
            return
        key = tuple(part.value(product, self._frame) for part in self._rule.ranking)
        best = self._best.get(group)
        if best is None or key > best[0]:
            self._best[group] = (key, product, item)
        self._competing.setdefault(group, []).append(product)

    def _won(self, winner: Candidate, competing: int) -> str:
        _, fits = self._wanted.compare(winner.validity)
        best = self._rule.ranking[0]
        return f"{fits}; {best.phrase} of {competing} that fit: it {best.tell(winner, self._frame)}"

    def _lost(self, product: Candidate, winner: Candidate) -> str:
        by = self._difference(product, winner)
        mine, other = by.tell(product, self._frame), by.tell(winner, self._frame)
        return f"{self._wanted.policy}: fits, but {by.phrase} is {winner.id}: it {other}, this {mine}"

    def _difference(self, product: Candidate, winner: Candidate) -> Criterion:
        ranking, frame = self._rule.ranking, self._frame
        differing = (part for part in ranking if part.value(product, frame) != part.value(winner, frame))
        return next(differing, ranking[-1])
