"""Which products are the right ones for an interval."""

from eokit.selection.policy import POLICIES, Boundary, Policy, PolicyName, Wanted
from eokit.selection.wire import wire_filter

__all__ = ["POLICIES", "Boundary", "Policy", "PolicyName", "Wanted", "wire_filter"]
