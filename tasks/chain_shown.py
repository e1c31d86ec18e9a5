"""What people see of a chain while it runs and at its end."""

from collections import Counter

from eoflows.products.derivation.feeds import SCENE
from eoflows.products.staging import Outcome
from eoflows.products.staging.scene_verdict import SceneVerdict
from eoflows.tasks.chain import Chain, Choice
from eoflows.tasks.ogc import ogc_server
from eoflows.tasks.publish import human_bytes
from eoflows.tasks.run_jobs import JobsOutcome

__all__ = ["Steps"]


class Steps:
    """How far a chain is, and the table of it: a row per product, one for the job, one for its item.

    Args:
        chain: What is asked for.
    """

    def __init__(self, chain: Chain) -> None:
        self.rows: list[dict[str, str]] = []
        self._chain = chain
        self._now = (0.0, "checking what is asked for")

    @property
    def sentence(self) -> str:
        """The steps in a line."""
        counts = Counter((row["step"], row["outcome"]) for row in self.rows)
        parts = [
            f"{count} {step}{'s' if count > 1 else ''} {outcome}" for (step, outcome), count in counts.items()
        ]
        return f"{', '.join(parts)}."

    @property
    def sorted_rows(self) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
        """The rows that need attention, and the others, each in their order."""
        bad = [row for row in self.rows if row["outcome"] == Outcome.FAILED]
        return bad, [row for row in self.rows if row not in bad]

    def reading(self) -> tuple[float, str]:
        """For the progress artifact."""
        return self._now

    def now(self, percent: float, line: str) -> None:
        """Say what is being done."""
        self._now = (percent, line)

    def chosen_before(self, choice: Choice) -> None:
        """Add the products that an earlier run has chosen."""
        for one in choice.origins:
            self._add("product", one.item, "chosen before", goes_to=self._inputs(one.name), why=one.href)

    def staged(self, verdict: SceneVerdict) -> None:
        """Add what became of the products."""
        if self._chain.scene_item:
            self._add("product", self._chain.scene_item["id"], Outcome.ALREADY, goes_to=self._inputs(SCENE))
        for one in verdict.inputs:
            goes_to = self._inputs(one.name, one.product_type)
            report = one.staging.report if one.staging else None
            records = [*report.failures, *report.others] if report else []
            found = [record for record in records if record.outcome is not Outcome.PASSED_OVER]
            for record in found:
                size = human_bytes(record.bytes) if record.bytes else ""
                self._add(
                    "product", record.item, record.outcome, size=size, goes_to=goes_to, why=record.reason
                )
            if not found:
                self._add("product", one.name, one.outcome, goes_to=goes_to, why=one.why)

    def followed(self, outcome: JobsOutcome) -> None:
        """Add the job."""
        error = next((str(one) for one in outcome.errors.values()), "")
        record = next(iter(outcome.records), None) or outcome.submissions[0].record
        known = f"job {record.remote_id}" if record is not None and record.remote_id else ""
        phase = str(record.phase) if record is not None else "not sent"
        self._add("job", self._chain.process_id, phase, why=error or known)

    def result(self, outcome: str, why: str = "") -> None:
        """Add the item."""
        self._add("item", self._chain.item_id, outcome, goes_to=self._chain.place, why=why)
        if outcome in ("published", "already there"):
            self.now(100, f"{outcome}: {self._chain.item_id}")

    def leave(self, job: str, item: str) -> None:
        """Add job and item of a run that does not come to them."""
        self._add("job", self._chain.process_id, job, goes_to=ogc_server(self._chain.server))
        self.result(item)

    def _inputs(self, *names: str) -> str:
        found = (feed.input for feed in self._chain.feeds if feed.product in names)
        return ", ".join(dict.fromkeys(found))

    def _add(
        self, step: str, what: str, outcome: str, *, size: str = "", goes_to: str = "", why: str = ""
    ) -> None:
        row = {"step": step, "what": what, "outcome": str(outcome), "size": size, "goes to": goes_to}
        self.rows.append({**row, "why": why})
