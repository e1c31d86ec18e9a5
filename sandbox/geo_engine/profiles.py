"""What differs between the versions of Geo Engine."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["PROFILES", "Profile"]


@dataclass(frozen=True)
class Profile:
    """One version, served below `/geoengine/<name>`."""

    name: str
    version: str
    """What `/info` tells."""
    workflows: str
    """First segment of the paths of workflows."""
    save: str
    """First segment of the path that saves one as a data set."""
    vega: Literal["vegaString", "vegaSpec"]
    """Where a plot has its specification."""
    pixel_grid: bool
    """Descriptors tell the pixel grid, and streams deliver it; else streams want a `spatialResolution`."""
    plot_resolution: bool
    """A plot wants a `spatialResolution`."""


PROFILES = (
    Profile("0.8", "0.8.0", "workflow", "datasetFromWorkflow", "vegaString", False, True),
    Profile("0.9", "0.9.4", "workflow", "datasetFromWorkflow", "vegaString", True, True),
    Profile("0.10", "0.10.0", "processingGraphs", "datasetFromProcessingGraph", "vegaSpec", True, False),
)
