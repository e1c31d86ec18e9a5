"""Parameters of flows that search and stage products; see `tasks.parameters`."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from eoflows.products.environment import AuxiliarySource, FlowEnvArgs
from eoflows.tasks.outcome import OnFailure

__all__ = [
    "AssetKeys",
    "CatalogueCollection",
    "Dask",
    "Environment",
    "FromRun",
    "Mission",
    "OnFailed",
    "PlanOnly",
    "SceneType",
    "SensingEnd",
    "SensingStart",
    "Source",
    "TableName",
    "Timeout",
    "UsualSource",
]

AssetKeys = Annotated[
    list[str] | None, Field(description="Asset keys to stage; none takes all (of CDSE, `product`).")
]

CatalogueCollection = Annotated[str, Field(description="Collection in the catalogue, without its owner.")]

Dask = Annotated[
    str,
    Field(
        description="Where batches of products are staged: empty for the run's own process, `local:4` for "
        "so many processes, or the address of a Dask scheduler like tcp://10.0.0.5:8786."
    ),
]

Environment = Annotated[FlowEnvArgs, Field(description="Who for, and in which environment.")]

FromRun = Annotated[
    str | None, Field(description="Id of an earlier flow run; only what failed in it is staged.")
]

Mission = Annotated[
    str | None,
    Field(description="Like sentinel-1, or with the satellite sentinel-1a; in place of the scene's own."),
]

OnFailed = Annotated[
    OnFailure,
    Field(
        description="`fail` ends the run Failed when an item failed; `return` ends it Completed, with False."
    ),
]

PlanOnly = Annotated[
    bool, Field(description="Show what would be staged, how many bytes and why, and touch nothing.")
]

SceneType = Annotated[
    str | None, Field(description="Product type of the scene, like OL_0_EFR___; in place of its own.")
]

SensingEnd = Annotated[
    datetime | str | None,
    Field(description="End of the sensing, in place of the scene's own; UTC where no zone is given."),
]

SensingStart = Annotated[
    datetime | str | None,
    Field(description="Start of the sensing, in place of the scene's own; UTC where no zone is given."),
]

Source = Annotated[AuxiliarySource, Field(description="Where to search.")]

TableName = Annotated[
    str, Field(description="Name of a shipped table (sentinel), or path of a JSON file on the worker.")
]

Timeout = Annotated[
    int,
    Field(
        ge=-1, title="Search timeout (s)", description="Limit of one search in seconds; -1 and 0 are none."
    ),
]

UsualSource = Annotated[
    AuxiliarySource, Field(description="Where to search, if the table says nothing else.")
]
