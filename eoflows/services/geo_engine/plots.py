"""Plots as the server gives them, and as Vega-Lite."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic.alias_generators import to_camel

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.services.geo_engine.client import GeoEngineClient
from eoflows.services.geo_engine.profiles import Profile
from eoflows.services.geo_engine.queries import QueryRectangle, SpatialResolution

__all__ = ["VegaLite", "WrappedPlotOutput", "fetch_plot"]

_RESOLUTION = SpatialResolution(0.1, 0.1)
"""What servers before 0.10 get where the caller names none: they refuse a request without it."""


class WrappedPlotOutput(BaseModel):
    """A plot.

    Attributes:
        output_format: `JsonVega`, `JsonPlain` or `ImagePng`.
        plot_type: What kind of plot, like `Histogram`.
        data: The plot itself.
    """

    model_config = ConfigDict(frozen=True, alias_generator=to_camel, populate_by_name=True)

    output_format: str
    plot_type: str
    data: Any

    @property
    def vega_spec(self) -> dict[str, Any]:
        """The Vega-Lite specification, wherever the server's version puts it.

        Raises:
            InvalidInputError: This plot has none.
            ContractError: It cannot be read.
        """
        data = self.data if isinstance(self.data, Mapping) else {}
        found = data.get("vegaSpec", data.get("vegaString"))
        if found is None:
            raise InvalidInputError(
                f"a {self.plot_type} plot of format {self.output_format} has no chart; use plot_json"
            )
        try:
            spec = orjson.loads(found) if isinstance(found, str) else found
        except orjson.JSONDecodeError as error:
            raise ContractError(f"the chart of a {self.plot_type} plot is not JSON: {error}") from error
        if not isinstance(spec, dict):
            raise ContractError(f"the chart of a {self.plot_type} plot is no object")
        return spec


@dataclass(frozen=True)
class VegaLite:
    """A Vega-Lite chart; Jupyter shows it.

    Attributes:
        spec: Its specification.
    """

    spec: Mapping[str, Any]

    def to_png(self, scale: float = 1.0) -> bytes:
        """Draw it as PNG.

        Args:
            scale: Pixels per unit of the chart.
        """
        import vl_convert  # noqa: PLC0415

        png: bytes = vl_convert.vegalite_to_png(dict(self.spec), scale=scale)
        return png

    def to_svg(self) -> str:
        """Draw it as SVG."""
        import vl_convert  # noqa: PLC0415

        svg: str = vl_convert.vegalite_to_svg(dict(self.spec))
        return svg

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, Any]:
        return {"application/vnd.vegalite.v5+json": dict(self.spec)}


async def fetch_plot(
    client: GeoEngineClient,
    workflow: str,
    query: QueryRectangle,
    resolution: SpatialResolution | None,
    timeout: float,
) -> WrappedPlotOutput:
    """Ask for a plot.

    Args:
        client: The server.
        workflow: Id of a plot workflow.
        query: Box and time.
        resolution: Size of the pixels that are counted; None leaves it to the server, or is 0.1 where the
            server insists (before 0.10).
        timeout: Seconds to wait.
    """
    params = {"bbox": query.bbox_str, "crs": query.srs, "time": query.time_str}
    if resolution is None and await client.profile() is not Profile.V0_10:
        resolution = query.resolution or _RESOLUTION
    if resolution is not None:
        params["spatialResolution"] = str(resolution)
    document = await client.document("GET", f"plot/{workflow}", params=params, timeout=timeout)
    try:
        return WrappedPlotOutput.model_validate(document)
    except ValidationError as error:
        raise ContractError(f"the plot cannot be read: {error}", url=client.url) from error
