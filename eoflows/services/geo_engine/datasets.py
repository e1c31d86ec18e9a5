"""A workflow's result, kept on the server as a dataset: what to send."""

from dataclasses import dataclass
from typing import Any

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.services.geo_engine.client import GeoEngineClient
from eoflows.services.geo_engine.profiles import Profile
from eoflows.services.geo_engine.queries import QueryRectangle

__all__ = ["SaveRequest", "save_request", "start_saving"]


@dataclass(frozen=True)
class SaveRequest:
    """A request, described: it makes a new task each time that it is sent.

    Attributes:
        method: HTTP method.
        path: Path below the base URL.
        json: Body.
    """

    method: str
    path: str
    json: dict[str, Any]


def save_request(
    profile: Profile,
    workflow: str,
    query: QueryRectangle,
    *,
    name: str | None,
    display_name: str,
    description: str = "",
) -> SaveRequest:
    """Describe the request that saves a raster as a dataset.

    Args:
        profile: Version of the interface.
        workflow: Id of a raster workflow.
        query: Box and time.
        name: Name like `namespace:name`, which must be new; None lets the server choose.
        display_name: Name for people.
        description: Text for people.
    """
    if not display_name.strip():
        raise InvalidInputError("a dataset needs a display name")
    body: dict[str, Any] = {
        "spatialBounds": query.spatial_bounds.document(),
        "timeInterval": query.time_interval.document(),
    }
    if profile is Profile.V0_8:
        if query.resolution is None:
            raise InvalidInputError("servers of profile 0.8 need a resolution; give the query one")
        x, y = query.resolution.pair
        body["spatialResolution"] = {"x": x, "y": y}
    about = {"name": name, "displayName": display_name, "description": description}
    return SaveRequest("POST", f"{profile.dataset_from}/{workflow}", {**about, "query": body, "asCog": True})


async def start_saving(client: GeoEngineClient, request: SaveRequest, *, timeout: float) -> str:
    """Send it, once: an answer that does not come does not mean that nothing was begun.

    Returns:
        Id of the task.

    Raises:
        UnsentError: It certainly was not begun.
        UnreachableError: It may have been begun; look at the list of tasks before sending it again.
    """
    document = await client.document(
        request.method, request.path, json=request.json, timeout=timeout, repeatable=False
    )
    try:
        return str(document["taskId"])
    except (KeyError, TypeError) as error:
        raise ContractError("the answer has no taskId", url=client.url) from error
