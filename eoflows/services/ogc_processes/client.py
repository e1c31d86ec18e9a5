"""The plain face of the client."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self, Unpack

from eoflows.base.background import iterate, wait_for
from eoflows.base.current_client import enter, leave
from eoflows.base.http import HttpClient
from eoflows.services.ogc_processes.async_client import AsyncClient
from eoflows.services.ogc_processes.calls import Mode
from eoflows.services.ogc_processes.config import ClientConfig
from eoflows.services.ogc_processes.models import (
    Capabilities,
    ConformanceDeclaration,
    JobInfo,
    JobList,
    JobResults,
    ProcessDescription,
    ProcessList,
    ProcessRequest,
)
from eoflows.services.ogc_processes.wire import Transport

__all__ = ["Client"]


class Client:
    """`AsyncClient` for plain code, also where an event loop already runs; the same calls and errors.

    Args:
        config: Settings; where given, the other four are ignored.
        config_path: YAML file with settings, as `ClientConfig.load` says.
        server_url: Landing page.
        user_name: Name of the user.
        access_token: Token obtained elsewhere.
        http: As for `AsyncClient`.
        timeout: As for `AsyncClient`.
        execution_timeout: As for `AsyncClient`.
    """

    def __init__(
        self,
        config: ClientConfig | None = None,
        config_path: str | None = None,
        server_url: str | None = None,
        user_name: str | None = None,
        access_token: str | None = None,
        *,
        http: HttpClient | None = None,
        timeout: float = 60.0,
        execution_timeout: float = 3600.0,
    ) -> None:
        self._client = AsyncClient(
            config,
            config_path,
            server_url,
            user_name,
            access_token,
            http=http,
            timeout=timeout,
            execution_timeout=execution_timeout,
        )

    @property
    def config(self) -> ClientConfig:
        """The settings."""
        return self._client.config

    def __enter__(self) -> Self:
        enter(self)
        return self

    def __exit__(self, *_: object) -> None:
        leave(self)
        self.close()

    def close(self) -> None:
        """Close as `AsyncClient.close`."""
        wait_for(self._client.close())

    def get_capabilities(self, **kwargs: Unpack[Transport]) -> Capabilities:
        """Give the landing page."""
        return wait_for(self._client.get_capabilities(**kwargs))

    def get_conformance(self, **kwargs: Unpack[Transport]) -> ConformanceDeclaration:
        """Give the conformance classes."""
        return wait_for(self._client.get_conformance(**kwargs))

    def get_processes(self, **kwargs: Unpack[Transport]) -> ProcessList:
        """Give the processes of all pages."""
        return wait_for(self._client.get_processes(**kwargs))

    def get_process(self, process_id: str, **kwargs: Unpack[Transport]) -> ProcessDescription:
        """Give a process with its inputs and outputs."""
        return wait_for(self._client.get_process(process_id, **kwargs))

    def execute_process(
        self,
        process_id: str,
        request: ProcessRequest | Mapping[str, Any],
        *,
        mode: Mode = "async",
        validate: bool = True,
        **kwargs: Unpack[Transport],
    ) -> JobInfo:
        """Execute a process as `AsyncClient.execute_process`."""
        return wait_for(
            self._client.execute_process(process_id, request, mode=mode, validate=validate, **kwargs)
        )

    def get_jobs(
        self,
        *,
        process_id: str | None = None,
        statuses: Sequence[str] = (),
        enough: int = 10_000,
        **kwargs: Unpack[Transport],
    ) -> JobList:
        """Give the jobs of all pages as `AsyncClient.get_jobs`."""
        return wait_for(
            self._client.get_jobs(process_id=process_id, statuses=statuses, enough=enough, **kwargs)
        )

    def jobs(
        self,
        *,
        process_id: str | None = None,
        statuses: Sequence[str] = (),
        **kwargs: Unpack[Transport],
    ) -> Iterator[JobInfo]:
        """Give the jobs one by one as `AsyncClient.jobs`."""
        return iterate(self._client.jobs(process_id=process_id, statuses=statuses, **kwargs))

    def get_job(self, job_id: str, **kwargs: Unpack[Transport]) -> JobInfo:
        """Give the status of a job."""
        return wait_for(self._client.get_job(job_id, **kwargs))

    def dismiss_job(self, job_id: str, **kwargs: Unpack[Transport]) -> JobInfo:
        """Stop a job and take it from the list as `AsyncClient.dismiss_job`."""
        return wait_for(self._client.dismiss_job(job_id, **kwargs))

    def get_job_results(
        self,
        job_id: str,
        *,
        request: ProcessRequest | Mapping[str, Any] | None = None,
        **kwargs: Unpack[Transport],
    ) -> JobResults:
        """Give the outputs of a job as `AsyncClient.get_job_results`."""
        return wait_for(self._client.get_job_results(job_id, request=request, **kwargs))
