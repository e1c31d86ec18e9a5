"""Which products are the right ones for an interval."""

from eoflows.products.selection.choice import Selection
from eoflows.products.selection.frame import UNLIMITED, Boundary, Look
from eoflows.products.selection.pages import complete_pages, partial_pages
from eoflows.products.selection.policy import POLICIES, Policy, PolicyName
from eoflows.products.selection.wanted import Wanted
from eoflows.products.selection.wire import wire_filter

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
