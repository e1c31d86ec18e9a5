"""Source against catalogue against storage: what is missing, what should not be there, what is wrong."""

from eokit.audit.census import Scope, take_census
from eokit.audit.findings import Day, Finding, Kind, OfferedItem
from eokit.audit.inventory import Inventory
from eokit.audit.repair import Repairer, Unregistered
from eokit.audit.report import AuditVerdict, repair_command

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
