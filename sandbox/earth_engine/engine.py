"""What computes: graphs to values, orders to files. Loaded when it is first needed."""

from collections.abc import Iterator, Mapping
from typing import Any

from eoflows.sandbox.earth_engine.errors import GraphError
from eoflows.sandbox.earth_engine.evaluate import Graph
from eoflows.sandbox.earth_engine.exports import ExportFile, files
from eoflows.sandbox.earth_engine.functions_bands import BAND_FUNCTIONS
from eoflows.sandbox.earth_engine.functions_collections import collection_functions
from eoflows.sandbox.earth_engine.functions_data import DATA_FUNCTIONS
from eoflows.sandbox.earth_engine.functions_dates import DATE_FUNCTIONS
from eoflows.sandbox.earth_engine.functions_filters import FILTER_FUNCTIONS
from eoflows.sandbox.earth_engine.functions_images import image_functions
from eoflows.sandbox.earth_engine.functions_places import PLACE_FUNCTIONS
from eoflows.sandbox.earth_engine.functions_reducers import REDUCER_FUNCTIONS
from eoflows.sandbox.earth_engine.scenes import Catalogue
from eoflows.sandbox.earth_engine.settings import EarthEngineSettings
from eoflows.sandbox.earth_engine.values import tell

__all__ = ["Engine"]

_FUNCTIONS = {
    **DATA_FUNCTIONS,
    **DATE_FUNCTIONS,
    **FILTER_FUNCTIONS,
    **REDUCER_FUNCTIONS,
    **BAND_FUNCTIONS,
    **PLACE_FUNCTIONS,
}


class Engine:
    """Computes with a catalogue."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._images = image_functions(catalogue)

    def value(self, expression: Mapping[str, Any], settings: EarthEngineSettings) -> Any:
        """Return what a client is told of an expression's value.

        Raises:
            GraphError: It cannot be computed.
        """
        return tell(self._result(expression, settings), settings.most_results)

    def files(self, order: Mapping[str, Any], settings: EarthEngineSettings) -> Iterator[ExportFile]:
        """Give the files of an export.

        Raises:
            GraphError: They cannot be made.
        """
        image = self._result(order.get("expression", {}), settings)
        return files(image, order, settings.default_file_dimensions)

    def _result(self, expression: Mapping[str, Any], settings: EarthEngineSettings) -> Any:
        if not isinstance(expression.get("values"), Mapping) or "result" not in expression:
            raise GraphError("Invalid expression: it has no values, or no result.")
        functions = {**_FUNCTIONS, **collection_functions(settings), **self._images}
        return Graph(expression["values"], functions).result(expression["result"])
