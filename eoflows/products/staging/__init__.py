"""Staging: what a search found and the catalogue lacks becomes verified files and catalogue records."""

from eoflows.products.staging.outcomes import ItemRecord, Outcome, StagingReport
from eoflows.products.staging.pipeline import stage_pages
from eoflows.products.staging.plan import ItemPlan, Place, plan_item
from eoflows.products.staging.stager import Stager

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
