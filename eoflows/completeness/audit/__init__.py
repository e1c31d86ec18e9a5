"""Source against catalogue against storage: what is missing, what should not be there, what is wrong."""

from eoflows.completeness.audit.census import Scope, take_census
from eoflows.completeness.audit.findings import Day, Finding, Kind, OfferedItem
from eoflows.completeness.audit.inventory import Inventory
from eoflows.completeness.audit.repair import Repairer, Unregistered
from eoflows.completeness.audit.report import AuditVerdict, repair_command

__all__ = [
    "AuditVerdict",
    "Day",
    "Finding",
    "Inventory",
    "Kind",
    "OfferedItem",
    "Repairer",
    "Scope",
    "Unregistered",
    "repair_command",
    "take_census",
]
