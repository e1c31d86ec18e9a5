"""Staging: what a search found and the catalogue lacks becomes verified files and catalogue records."""

from eokit.staging.outcomes import ItemRecord, Outcome, StagingReport
from eokit.staging.pipeline import stage_pages
from eokit.staging.plan import ItemPlan, Place, plan_item
from eokit.staging.stager import Stager

__all__ = [
    "ItemPlan",
    "ItemRecord",
    "Outcome",
    "Place",
    "Stager",
    "StagingReport",
    "plan_item",
    "stage_pages",
]
