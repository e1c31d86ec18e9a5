"""Why an item is in the catalogue, and which run brought it.

The processing extension of STAC (`processing:lineage`, `processing:facility`, ...) says how a product was
made, and its source has often filled that in. How a product got here is another question; the answer is in
properties with a prefix of our own: `eoflows:policy`, `eoflows:reason` and `eoflows:run`.
"""

from dataclasses import dataclass
from typing import Any

__all__ = ["PREFIX", "REASON", "Provenance"]

PREFIX = "eoflows:"
"""Of properties that say where an item came from; a catalogue does not count them when it compares items."""

REASON = f"{PREFIX}reason"
"""The property that holds why an item was chosen."""


@dataclass(frozen=True)
class Provenance:
    """What is known of how an item got into the catalogue; what is None or empty is not written.

    Attributes:
        policy: The selection policy that chose it.
        reason: Why it was chosen, in a sentence.
        run: Id of the run that brought it.
        derived_from: Addresses of the items that it was made from.
    """

    policy: str | None = None
    reason: str | None = None
    run: str | None = None
    derived_from: tuple[str, ...] = ()

    @property
    def properties(self) -> dict[str, str]:
        """The properties of the record."""
        found = {"policy": self.policy, "reason": self.reason, "run": self.run}
        return {PREFIX + name: value for name, value in found.items() if value}

    @property
    def links(self) -> list[dict[str, Any]]:
        """The `derived_from` links of the record, as STAC defines them."""
        return [
            {"rel": "derived_from", "href": href, "type": "application/geo+json"}
            for href in self.derived_from
        ]
