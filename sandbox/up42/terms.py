"""What can change while the service runs: prices, licences, rules. And the time."""

import threading
from collections.abc import Callable
from datetime import datetime

from eoflows.sandbox.up42.processes import Process
from eoflows.sandbox.up42.schedule import Rule
from eoflows.sandbox.up42.settings import Up42Settings

__all__ = ["Terms"]


class Terms:
    """The terms of business of a region, safe for threads."""

    def __init__(self, settings: Up42Settings, clock: Callable[[], datetime]) -> None:
        self.settings = settings
        self.clock = clock
        """The time now, aware, UTC."""
        self._lock = threading.Lock()
        self.reset()

    def reset(self) -> None:
        """Go back to the terms of the settings."""
        with self._lock:
            self._prices = {process.id: process.credits for process in self.settings.processes}
            self._refused = set(self.settings.eulas_refused)
            self._rules = self.settings.rules

    def price(self, process: Process) -> float:
        """Return what a unit of a process costs now, in credits."""
        with self._lock:
            return self._prices[process.id]

    def set_price(self, process_id: str, credits: float) -> None:
        """Change a price: the next estimate, and the next job, have it.

        Raises:
            KeyError: There is no such process.
        """
        with self._lock:
            if process_id not in self._prices:
                raise KeyError(process_id)
            self._prices[process_id] = credits

    def is_licensed(self, process: Process) -> bool:
        """Tell whether a process's EULA is accepted."""
        with self._lock:
            return process.id not in self._refused

    def set_license(self, process_id: str, *, accepted: bool) -> None:
        """Accept a process's EULA or take that back."""
        with self._lock:
            (self._refused.discard if accepted else self._refused.add)(process_id)

    @property
    def rules(self) -> tuple[Rule, ...]:
        """What becomes of jobs that differ; the first that fits holds, for jobs created from now on."""
        with self._lock:
            return self._rules

    def set_rules(self, *rules: Rule) -> None:
        """Replace all rules."""
        with self._lock:
            self._rules = rules
