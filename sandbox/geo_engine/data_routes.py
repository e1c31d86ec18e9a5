"""Data over HTTP: features (WFS), pictures (WMS), coverages (WCS), plots."""

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from eoflows.sandbox.geo_engine import coverages, pictures
from eoflows.sandbox.geo_engine.errors import EngineError, bad_query
from eoflows.sandbox.geo_engine.features import Features, select
from eoflows.sandbox.geo_engine.plots import plot
from eoflows.sandbox.geo_engine.profiles import Profile
from eoflows.sandbox.geo_engine.queries import Query, numbers, required
from eoflows.sandbox.geo_engine.sessions import Session
from eoflows.sandbox.geo_engine.state import State
from eoflows.sandbox.geo_engine.time_steps import format_instant
from eoflows.sandbox.geo_engine.workflows import Workflow

__all__ = ["DataRoutes"]


class DataRoutes:
    """The calls that compute; each costs a credit."""

    def __init__(self, state: State, profile: Profile) -> None:
        self._state = state
        self._profile = profile

    def routes(self) -> list[Route]:
        """Return the routes."""
        return [
            Route("/wfs/{id}", self.features),
            Route("/wms/{id}", self.picture),
            Route("/wcs/{id}", self.coverage),
            Route("/plot/{id}", self.plot),
        ]

    def features(self, request: Request) -> Response:
        """Answer WFS GetFeature with GeoJSON."""
        session, workflow, query = self._asked(request)
        if required(query, "request") != "GetFeature":
            raise bad_query(f"request: unknown variant `{query['request']}`, expected `GetFeature`")
        source = workflow.vector()
        if query.get("srsName", source.spatial_reference) != source.spatial_reference:
            raise EngineError(
                "Projection", f"no projection from {source.spatial_reference} to {query['srsName']}"
            )
        where = Query.read(query, box="bbox", time="time")
        found = [one for some in select(source, where.box, where.time) for one in _geojson(some)]
        return self._costs(session, workflow, JSONResponse({"type": "FeatureCollection", "features": found}))

    def picture(self, request: Request) -> Response:
        """Answer WMS GetMap with a PNG; what is wrong with the query is told as XML, status 200."""
        session, workflow, query = self._asked(request)
        if required(query, "request") != "GetMap":
            raise bad_query(f"request: unknown variant `{query['request']}`, expected `GetMap`")
        source = workflow.raster()
        try:
            content = pictures.get_map(source, query)
        except EngineError as error:
            return Response(pictures.service_exception(error), media_type="application/xml")
        return self._costs(session, workflow, Response(content, media_type="image/png"))

    def coverage(self, request: Request) -> Response:
        """Answer WCS 1.1.1."""
        session, workflow, given = self._asked(request)
        query = {name.lower(): value for name, value in given.items()}
        source, identifier = workflow.raster(), str(workflow.id)
        match required(query, "request"):
            case "GetCapabilities":
                url = str(request.url.replace(query=""))
                return Response(coverages.capabilities(url, identifier, source), media_type="text/xml")
            case "DescribeCoverage":
                return Response(coverages.description(identifier, source), media_type="text/xml")
            case "GetCoverage":
                content = coverages.get_coverage(source, query, self._state.settings)
                return self._costs(session, workflow, Response(content, media_type="image/tiff"))
            case other:
                raise bad_query(f"request: unknown variant `{other}`")

    def plot(self, request: Request) -> Response:
        """Answer a plot."""
        session, workflow, query = self._asked(request)
        if workflow.kind != "Plot":
            raise EngineError(
                "InvalidOperatorType", f"Invalid operator type: expected Plot found {workflow.kind}"
            )
        where = Query.read(query, box="bbox", time="time")
        resolution = None
        if self._profile.plot_resolution or "spatialResolution" in query:
            across, along = numbers(required(query, "spatialResolution"), 2, "spatialResolution")
            resolution = (across, along)
        return self._costs(
            session, workflow, JSONResponse(plot(workflow, where, resolution, self._profile.vega))
        )

    def _asked(self, request: Request) -> tuple[Session, Workflow, Mapping[str, str]]:
        session = self._state.sessions.of(request)
        return session, self._state.workflows.find(request.path_params["id"]), request.query_params

    def _costs(self, session: Session, workflow: Workflow, answer: Response) -> Response:
        answer.headers["x-computation-id"] = str(self._state.usage.add(session.user, workflow))
        return answer


def _geojson(features: Features) -> list[dict[str, Any]]:
    source = features.source
    kind = "Point" if source.geometry == "MultiPoint" else "MultiPolygon"
    columns = {name: features.column(name) for name in source.columns}
    for name, column in source.columns.items():
        if column.data_type == "dateTime":
            columns[name] = [None if one is None else format_instant(one) for one in columns[name]]
    when = {
        "start": format_instant(source.time[0]),
        "end": format_instant(source.time[1]),
        "type": "Interval",
    }
    return [
        {
            "type": "Feature",
            "geometry": None if source.geometry == "Data" else {"type": kind, "coordinates": coordinates},
            "properties": {name: values[number] for name, values in columns.items()},
            "when": when,
        }
        for number, coordinates in enumerate(features.coordinates())
    ]
