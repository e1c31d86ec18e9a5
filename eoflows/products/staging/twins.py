"""One product that a search finds in several collections of its source.

The name of what is staged has the place's collection and the product's id, not the source's collection:
twins are one item and one file. That is right if they are one product, and would be the loss of one of two
if they are not.
"""

from eoflows.products.staging.outcomes import ItemRecord, Outcome
from eoflows.products.staging.plan import ItemPlan

__all__ = ["Twins"]


class Twins:
    """Remembers what was promised under each id: two numbers per item."""

    def __init__(self) -> None:
        self._promised: dict[int, int | None] = {}

    def judge(self, plan: ItemPlan) -> ItemRecord | None:
        """Give the outcome of an item whose id came before, or None if it is the first.

        Sizes and checksums that are not known do not differ.
        """
        name, item_id = hash(plan.item["id"]), plan.item["id"]
        promise = None if plan.promise is None else hash(plan.promise)
        if name not in self._promised:
            self._promised[name] = promise
            return None
        first, where = self._promised[name], plan.item.get("collection")
        if promise is None or first in (None, promise):
            reason = f"the same product was found in another collection than {where!r} too"
            return ItemRecord(item_id, Outcome.PASSED_OVER, reason)
        return ItemRecord(
            item_id,
            Outcome.FAILED,
            f"the one in collection {where!r} has other sizes or checksums than another of this id, and both "
            "would be one item; name the collection that is meant, or stage them into two",
        )
