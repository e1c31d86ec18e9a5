"""Why an item is in the catalogue, and which run brought it.

The processing extension of STAC (`processing:lineage`, `processing:facility`, ...) says how a product was
made, and its source has often filled that in. How a product got here is another question; the answer is in
properties with a prefix of our own: `eoflows:policy`, `eoflows:reason` and `eoflows:run`.

What an item was made from is in `derived_from` links: those that its source gives it, and after unpacking
the source's item, which has the archive.
"""

from dataclasses import dataclass
from typing import Any

__all__ = ["ITEM", "PREFIX", "REASON", "Provenance", "derived_from"]

ITEM = "application/geo+json"
"""Media type of an item."""

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
    """

    policy: str | None = None
    reason: str | None = None
    run: str | None = None

    @property
    def properties(self) -> dict[str, str]:
        """The properties of the record."""
        found = {"policy": self.policy, "reason": self.reason, "run": self.run}
        return {PREFIX + name: value for name, value in found.items() if value}


def derived_from(href: str) -> dict[str, Any]:
    """Give the link to an item that another was made from, as STAC defines it."""
    return {"rel": "derived_from", "href": href, "type": ITEM}
