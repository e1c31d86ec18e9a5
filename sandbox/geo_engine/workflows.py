"""Workflows: their identifiers, what they deliver, and how that is described."""

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import NAMESPACE_OID, UUID, uuid5

from eoflows.sandbox.geo_engine.errors import EngineError
from eoflows.sandbox.geo_engine.sources import RasterSource, VectorSource

__all__ = ["Datasets", "Workflow", "WorkflowStore"]

Kind = Literal["Raster", "Vector", "Plot"]
_KINDS = ("Raster", "Vector", "Plot")


@dataclass
class Datasets:
    """Name to data."""

    known: dict[str, RasterSource | VectorSource]

    def find(self, name: str) -> RasterSource | VectorSource:
        """Return a data set.

        Raises:
            EngineError: There is none of this name.
        """
        if name not in self.known:
            raise EngineError("UnknownDatasetName", f"Dataset name {name} does not exist")
        return self.known[name]


@dataclass(frozen=True)
class Workflow:
    """A registered workflow."""

    id: UUID
    definition: Mapping[str, Any]
    """As the server writes it: with the parameters that were left out."""
    source: RasterSource | VectorSource
    """What its innermost operator delivers; operators around it hand it on unchanged."""
    data: tuple[str, ...]
    """Names of the data sets in it."""

    @property
    def kind(self) -> Kind:
        """Raster, Vector or Plot."""
        kind: Kind = self.definition["type"]
        return kind

    @property
    def operator(self) -> Mapping[str, Any]:
        """The outermost operator."""
        operator: Mapping[str, Any] = self.definition["operator"]
        return operator

    def raster(self) -> RasterSource:
        """Return the source of a raster workflow.

        Raises:
            EngineError: It is none.
        """
        if self.kind != "Raster" or not isinstance(self.source, RasterSource):
            raise _wrong_type("Raster", "Vector" if self.kind == "Raster" else self.kind)
        return self.source

    def vector(self) -> VectorSource:
        """Return the source of a vector workflow.

        Raises:
            EngineError: It is none.
        """
        if self.kind != "Vector" or not isinstance(self.source, VectorSource):
            raise _wrong_type("Vector", "Raster" if self.kind == "Vector" else self.kind)
        return self.source

    def descriptor(self, *, grid: bool) -> dict[str, Any]:
        """Return the result descriptor.

        Args:
            grid: With the pixel grid (0.9 and later); else with `bbox` and `resolution`.
        """
        source = self.source
        if self.kind == "Plot":
            return {"type": "plot", "spatialReference": "", "time": None, "bbox": None}
        if isinstance(source, RasterSource):
            return _raster_descriptor(source, grid=grid)
        return _vector_descriptor(source)


def _wrong_type(expected: str, found: str) -> EngineError:
    return EngineError("InvalidOperatorType", f"Invalid operator type: expected {expected} found {found}")


@dataclass
class WorkflowStore:
    """The workflows registered; thread-safe."""

    datasets: Datasets
    _known: dict[UUID, Workflow] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def register(self, document: Any) -> Workflow:
        """Return the workflow of a definition; equal definitions have one identifier.

        Raises:
            EngineError: It is no workflow, or names unknown data.
        """
        if not isinstance(document, dict) or document.get("type") not in _KINDS:
            given = document.get("type") if isinstance(document, dict) else document
            raise _bad_body(f"unknown variant `{given}`, expected one of `Vector`, `Raster`, `Plot`")
        operator = document.get("operator")
        if not isinstance(operator, dict) or "type" not in operator:
            raise _bad_body("missing field `operator`")
        names: list[str] = []
        source = self._source(operator, names)
        definition = {"type": document["type"], "operator": _completed(operator)}
        text = json.dumps(definition, sort_keys=True, separators=(",", ":"))
        workflow = Workflow(uuid5(NAMESPACE_OID, text), definition, source, tuple(names))
        if workflow.kind != "Plot":
            (workflow.raster if workflow.kind == "Raster" else workflow.vector)()
        with self._lock:
            return self._known.setdefault(workflow.id, workflow)

    def find(self, key: str) -> Workflow:
        """Return a workflow.

        Raises:
            EngineError: 404 if the key is no UUID, 400 if it is unknown.
        """
        try:
            number = UUID(key)
        except ValueError as error:
            raise EngineError("NotFound", "Not Found", 404) from error
        with self._lock:
            found = self._known.get(number)
        if found is None:
            raise EngineError("NoWorkflowForGivenId", "Could not find a workflow for the given id.")
        return found

    def _source(self, operator: Mapping[str, Any], names: list[str]) -> RasterSource | VectorSource:
        params = operator.get("params") or {}
        try:
            match operator["type"]:
                case "SandboxRaster":
                    return RasterSource.from_params(params)
                case "SandboxVector":
                    return VectorSource.from_params(params)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            raise _bad_body(f"{operator['type']}: {error}") from error
        inner = _first_source(operator.get("sources"))
        if inner is not None:
            return self._source(inner, names)
        if not isinstance(params, dict) or not isinstance(params.get("data"), str):
            raise _bad_body(f"{operator['type']} has neither `data` nor `sources`")
        names.append(params["data"])
        return self.datasets.find(params["data"])


def _first_source(sources: Any) -> Mapping[str, Any] | None:
    """Return an operator's first source; with several (a raster and a vector, say) the first named."""
    if isinstance(sources, dict) and "type" not in sources:
        sources = next(iter(sources.values()), None)
    if isinstance(sources, list):
        sources = sources[0] if sources else None
    return sources if isinstance(sources, dict) and "type" in sources else None


def _completed(operator: Mapping[str, Any]) -> dict[str, Any]:
    if operator["type"] == "GdalSource" and isinstance(operator.get("params"), dict):
        return {**operator, "params": {"overviewLevel": None, **operator["params"]}}
    return dict(operator)


def _bad_body(reason: str) -> EngineError:
    return EngineError("BodyDeserializeError", f"Error in user input: {reason}")


def _raster_descriptor(source: RasterSource, *, grid: bool) -> dict[str, Any]:
    bounds = dict(zip(("start", "end"), source.time.bounds, strict=True)) if source.bounded_time else None
    common = {
        "type": "raster",
        "dataType": source.data_type,
        "spatialReference": source.spatial_reference,
        "bands": [{"name": band.name, "measurement": dict(band.measurement)} for band in source.bands],
    }
    if not grid:
        xmin, ymin, xmax, ymax = source.bounds
        box = {
            "upperLeftCoordinate": {"x": xmin, "y": ymax},
            "lowerRightCoordinate": {"x": xmax, "y": ymin},
        }
        resolution = dict(zip(("x", "y"), source.pixel_size, strict=True))
        return {**common, "time": bounds, "bbox": box, "resolution": resolution}
    last = {"xIdx": source.width - 1, "yIdx": source.height - 1}
    return {
        **common,
        "spatialGrid": {
            "descriptor": "source",
            "spatialGrid": {
                "geoTransform": source.grid.to_json(),
                "gridBounds": {"topLeftIdx": {"xIdx": 0, "yIdx": 0}, "bottomRightIdx": last},
            },
        },
        "time": {"bounds": bounds, "dimension": source.time.dimension()},
    }


def _vector_descriptor(source: VectorSource) -> dict[str, Any]:
    xmin, ymin, xmax, ymax = source.bounds
    return {
        "type": "vector",
        "dataType": source.geometry,
        "spatialReference": source.spatial_reference,
        "columns": {
            name: {"dataType": column.data_type, "measurement": dict(column.measurement)}
            for name, column in source.columns.items()
        },
        "time": dict(zip(("start", "end"), source.time, strict=True)),
        "bbox": {
            "lowerLeftCoordinate": {"x": xmin, "y": ymin},
            "upperRightCoordinate": {"x": xmax, "y": ymax},
        },
    }
