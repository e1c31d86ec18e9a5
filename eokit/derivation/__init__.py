"""Products that a process makes of catalogued items: what it is given, and the record of what it made."""

from eokit.derivation.feeds import Feed, Given, check_chain, feed_inputs, fill_inputs
from eokit.derivation.record import Execution, Origin, derived_item

__all__ = [
    "Execution",
    "Feed",
    "Given",
    "Origin",
    "check_chain",
    "derived_item",
    "feed_inputs",
    "fill_inputs",
]
