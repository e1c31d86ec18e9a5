"""What the blocks of all services that run jobs have in common."""

from abc import abstractmethod
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

from prefect.blocks.core import Block

from eoflows.base.http import AddressPolicy, HttpClient, Keyring, Origin
from eoflows.blocks.s3 import S3Bucket
from eoflows.jobs.service import JobServer, JobService
from eoflows.stores.transfer import TransferEngine, TransferSettings

__all__ = ["JobServerBlock", "Slot", "job_server"]

Slot = Callable[[str], AbstractAsyncContextManager[object]]


class JobServerBlock(Block):
    """A service that runs jobs, at one endpoint, with its settings and credentials."""

    @abstractmethod
    def open_jobs(self, *, slot: Slot | None = None) -> AbstractAsyncContextManager[JobServer[Any]]:
        """Open it for submission, tracking and collection.

        Args:
            slot: Gives the context in which one connection to a host may be used.
        """


@asynccontextmanager
async def job_server(
    service: JobService[Any],
    endpoint: str,
    *,
    keyring: Keyring,
    trusted: list[Origin],
    timeout: float = 30.0,
    exclusive: bool = False,
    slot: Slot | None = None,
    bucket: S3Bucket | None = None,
) -> AsyncIterator[JobServer[Any]]:
    """Open a service at an endpoint.

    Args:
        service: What to ask and how to read.
        endpoint: Public identity of where and whose.
        keyring: Credentials per origin, for requests and for results.
        trusted: Origins that may have private addresses.
        timeout: Seconds to wait for an answer.
        exclusive: Whether nobody else makes jobs there.
        slot: Gives the context in which one connection to a host may be used.
        bucket: Where results lie that have s3 addresses.
    """
    settings = TransferSettings(buckets={} if bucket is None else {bucket.bucket: bucket.open()})

    def transfer() -> TransferEngine:
        return TransferEngine(settings, keyring, AddressPolicy(trusted), slot=slot)

    async with HttpClient(keyring=keyring, trusted=trusted, timeout=timeout) as http:
        yield JobServer(service, endpoint, http, exclusive=exclusive, transfer=transfer)
