"""A workflow that a server knows: what it is, and what the server says of it."""

from io import BytesIO
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

import anyio.to_thread

from eoflows.base.errors import InvalidInputError
from eoflows.base.files import write_whole
from eoflows.services.geo_engine.client import GeoEngineClient
from eoflows.services.geo_engine.datasets import save_request, start_saving
from eoflows.services.geo_engine.descriptors import RasterResultDescriptor, ResultDescriptor
from eoflows.services.geo_engine.operators import WorkflowId
from eoflows.services.geo_engine.provenance import ProvenanceEntry, read_provenance
from eoflows.services.geo_engine.queries import QueryRectangle
from eoflows.services.geo_engine.tasks import Task

__all__ = ["Registered"]

D = TypeVar("D", bound=ResultDescriptor)


class Registered:
    """A registered workflow of one server.

    Args:
        client: The server.
        workflow_id: Its id.
        descriptor: What its result is.
    """

    def __init__(
        self, client: GeoEngineClient, workflow_id: WorkflowId, descriptor: ResultDescriptor
    ) -> None:
        self.client, self.workflow_id, self._descriptor = client, workflow_id, descriptor

    def __str__(self) -> str:
        return str(self.workflow_id)

    def __repr__(self) -> str:
        return f"Workflow({str(self)!r}, {self._descriptor.kind})"

    def get_result_descriptor(self) -> ResultDescriptor:
        """Return what the result is: raster, vector or plot, with its bands or columns."""
        return self._descriptor

    def workflow_definition(self, timeout: int = 60) -> dict[str, Any]:
        """Return the definition, as the server has it: parameters that were left out may be there."""
        return self.client.wait(self.fetch_definition(timeout=timeout))

    async def fetch_definition(self, *, timeout: float = 60) -> dict[str, Any]:
        """Return the definition; for async code."""
        found = await self.client.document("GET", await self.path(), timeout=timeout)
        return dict(found)

    def get_provenance(self, timeout: int = 60) -> list[ProvenanceEntry]:
        """Return where the data come from, and how to cite them."""
        return self.client.wait(self.fetch_provenance(timeout=timeout))

    async def fetch_provenance(self, *, timeout: float = 60) -> list[ProvenanceEntry]:
        """Return where the data come from; for async code."""
        document = await self.client.document("GET", f"{await self.path()}/provenance", timeout=timeout)
        return read_provenance(document, url=self.client.url)

    def metadata_zip(self, path: "PathLike[str] | str | BytesIO", timeout: int = 60) -> None:
        """Save workflow, metadata and citations as a zip archive, whole or not at all.

        Args:
            path: File, or an open buffer.
            timeout: Seconds to wait.
        """
        self.client.wait(self.save_metadata(path, timeout=timeout))

    async def save_metadata(self, path: "PathLike[str] | str | BytesIO", *, timeout: float = 60) -> None:
        """Save workflow, metadata and citations; for async code."""
        answer = await self.client.call("GET", f"{await self.path()}/allMetadata/zip", timeout=timeout)
        if isinstance(path, BytesIO):
            path.write(answer.content)
            return
        await anyio.to_thread.run_sync(write_whole, Path(path), answer.content)

    def save_as_dataset(
        self,
        query_rectangle: QueryRectangle,
        name: str | None,
        display_name: str,
        description: str = "",
        timeout: int = 3600,
    ) -> Task:
        """Begin to save the result as a dataset on the server. It is sent once.

        Args:
            query_rectangle: Box and time.
            name: Name like `namespace:name`, which must be new; None lets the server choose.
            display_name: Name for people.
            description: Text for people.
            timeout: Seconds to wait for the answer, not for the dataset.

        Raises:
            UnreachableError: It may have been begun nevertheless; look at `get_task_list` first.
        """
        return self.client.wait(
            self.start_dataset(query_rectangle, name, display_name, description, timeout=timeout)
        )

    async def start_dataset(
        self,
        query: QueryRectangle,
        name: str | None,
        display_name: str,
        description: str = "",
        *,
        timeout: float = 3600,
    ) -> Task:
        """Begin to save the result as a dataset; for async code."""
        self.must_be(RasterResultDescriptor)
        request = save_request(
            await self.client.profile(),
            str(self),
            query,
            name=name,
            display_name=display_name,
            description=description,
        )
        return Task(await start_saving(self.client, request, timeout=timeout), client=self.client)

    def must_be(self, kind: type[D]) -> D:
        """Give the descriptor, if it is of this kind.

        Raises:
            InvalidInputError: The workflow gives something else.
        """
        if not isinstance(self._descriptor, kind):
            wanted = kind.__name__.removesuffix("ResultDescriptor").lower()
            raise InvalidInputError(f"workflow {self} gives a {self._descriptor.kind}, not a {wanted}")
        return self._descriptor

    async def path(self) -> str:
        """Path of the workflow below the base URL."""
        return f"{(await self.client.profile()).workflows}/{self}"
