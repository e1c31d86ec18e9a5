"""Which version of the server's interface is spoken."""

import re
from enum import StrEnum

__all__ = ["Profile"]


class Profile(StrEnum):
    """Versions of the interface that differ in what a client must do."""

    V0_8 = "0.8"
    """Queries have a resolution, streams too; pixels are counted from (0, 0)."""
    V0_9 = "0.9"
    """Rasters have native pixels; workflows are at `/workflow`."""
    V0_10 = "0.10"
    """As 0.9; workflows are called processing graphs and are at `/processingGraphs`."""

    @property
    def workflows(self) -> str:
        """Path of workflows."""
        return "processingGraphs" if self is Profile.V0_10 else "workflow"

    @property
    def dataset_from(self) -> str:
        """Path that makes a dataset of a workflow's result."""
        return "datasetFromProcessingGraph" if self is Profile.V0_10 else "datasetFromWorkflow"

    @classmethod
    def of_version(cls, version: str) -> "Profile | None":
        """The profile of a server's version, like `0.9.3`; None if it cannot be read."""
        found = re.match(r"v?(\d+)\.(\d+)", version.strip())
        if found is None:
            return None
        numbers = int(found[1]), int(found[2])
        if numbers <= (0, 8):
            return cls.V0_8
        return cls.V0_9 if numbers == (0, 9) else cls.V0_10
