"""Which products are the right ones for an interval."""

from eokit.selection.choice import Selection
from eokit.selection.frame import UNLIMITED, Boundary, Look
from eokit.selection.pages import complete_pages, partial_pages
from eokit.selection.policy import POLICIES, Policy, PolicyName
from eokit.selection.wanted import Wanted
from eokit.selection.wire import wire_filter

__all__ = [
    "POLICIES",
    "UNLIMITED",
    "Boundary",
    "Look",
    "Policy",
    "PolicyName",
    "Selection",
    "Wanted",
    "complete_pages",
    "partial_pages",
    "wire_filter",
]
