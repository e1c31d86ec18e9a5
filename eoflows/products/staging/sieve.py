"""The choice among the items that a search found, between its pages and the staging."""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import anyio.to_thread

from eoflows.base.errors import InvalidInputError
from eoflows.products.staging.outcomes import ItemRecord, Outcome, StagingReport
from eoflows.products.staging.provenance import REASON
from eoflows.stores.stac.items import ItemDict, fault_of

__all__ = ["Batch", "Chooser", "Judge", "Sieve"]

Batch = list[ItemDict]
Judge = Callable[[ItemDict], tuple[bool, str]]
"""Says whether an item is wanted, and why."""


class Chooser(Protocol):
    """Chooses items, some of them only when it has seen all."""

    def judge(self, item: ItemDict) -> tuple[bool, str] | None:
        """Say whether an item is chosen, and why; None if `settle` will tell."""
        ...

    def settle(self) -> tuple[list[tuple[ItemDict, str]], list[tuple[str, str]]]:
        """After the last page: the items chosen with the reasons, the ids of the others with theirs."""
        ...


@dataclass(frozen=True)
class _AtOnce:
    """A judge as a chooser; its reasons for taking items are not recorded."""

    decide: Judge

    def judge(self, item: ItemDict) -> tuple[bool, str]:
        fits, reason = self.decide(item)
        return fits, "" if fits else reason

    def settle(self) -> tuple[list[tuple[ItemDict, str]], list[tuple[str, str]]]:
        return [], []


class Sieve:
    """Lets the chosen items through, and adds to their records why they were chosen.

    Args:
        report: Takes note of the items passed over.
        judge: Decides at once; None, and no chooser, lets all through.
        chooser: In place of `judge`.
    """

    def __init__(self, report: StagingReport, judge: Judge | None, chooser: Chooser | None) -> None:
        self._all_seen = False
        self._chooser, self._report = chooser or (_AtOnce(judge) if judge else None), report
        self._why: dict[str, str] = {}

    async def watched(self, pages: AsyncIterator[Batch]) -> AsyncIterator[Batch]:
        """Hand pages on to `wanted`, and see whether they end because there are no more."""
        async for page in pages:
            yield page
        self._all_seen = True

    async def wanted(self, pages: AsyncIterator[Batch]) -> AsyncIterator[Batch]:
        """Give the chosen items, page by page; last those that could be chosen only then.

        If the search failed, nothing is chosen last: a choice among some of the items would be a guess.
        """
        async for page in pages:
            whole = self._readable(page)
            yield whole if self._chooser is None else self._judged(whole, self._chooser)
        if self._chooser is not None and self._all_seen:
            chosen, others = await anyio.to_thread.run_sync(self._chooser.settle)
            self._report.add(ItemRecord(item_id, Outcome.PASSED_OVER, why) for item_id, why in others)
            yield [self._chosen(item, why) for item, why in chosen]

    def add(self, records: Sequence[ItemRecord]) -> None:
        """Take note of outcomes."""
        self._report.add(map(self._explained, records))

    def _readable(self, page: Batch) -> Batch:
        """Give the items that can be read; the others have their outcome."""
        self._report.add(
            ItemRecord(one["id"], Outcome.FAILED, fault_of(one)) for one in page if fault_of(one)
        )
        return [item for item in page if not fault_of(item)]

    def _judged(self, page: Batch, chooser: Chooser) -> Batch:
        wanted = []
        for item in page:
            try:
                verdict = chooser.judge(item)
            except InvalidInputError as error:
                self._report.add([ItemRecord(item["id"], Outcome.FAILED, str(error))])
                continue
            if verdict is None:
                continue
            if verdict[0]:
                wanted.append(self._chosen(item, verdict[1]))
            else:
                self._report.add([ItemRecord(item["id"], Outcome.PASSED_OVER, verdict[1])])
        return wanted

    def _chosen(self, item: ItemDict, why: str) -> ItemDict:
        if why:
            self._why[item["id"]] = why
            # On the item itself, so that it reaches the record wherever the item is staged.
            item["properties"][REASON] = why
        return item

    def _explained(self, record: ItemRecord) -> ItemRecord:
        why = self._why.pop(record.item, "")
        return replace(record, reason=f"{record.reason}; {why}" if record.reason else why) if why else record
