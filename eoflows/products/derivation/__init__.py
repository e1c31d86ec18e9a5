"""Products that a process makes of catalogued items: what it is given, and the record of what it made."""

from eoflows.products.derivation.feeds import Feed, Given, check_chain, feed_inputs, fill_inputs
from eoflows.products.derivation.record import Execution, Origin, derived_item

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
