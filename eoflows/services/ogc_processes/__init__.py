"""OGC API - Processes: clients, documents, and pure functions for whoever follows jobs."""

from typing import TYPE_CHECKING

from eoflows.base.lazy import lazily

if TYPE_CHECKING:
    from eoflows.services.ogc_processes.answers import (
        Execution,
        read_dismissal,
        read_document,
        read_execution,
        read_job,
    )
    from eoflows.services.ogc_processes.async_client import AsyncClient
    from eoflows.services.ogc_processes.calls import Endpoint, Mode, OgcCall, request_body
    from eoflows.services.ogc_processes.client import Client
    from eoflows.services.ogc_processes.config import ClientConfig
    from eoflows.services.ogc_processes.errors import (
        ClientAbsentError,
        ClientConflictError,
        ClientContractError,
        ClientCredentialsError,
        ClientError,
        ClientException,
        ClientOutcomeUnknownError,
        ClientRefusedError,
        ClientThrottledError,
        ClientUnreachableError,
        ClientUnsentError,
        JobDismissedError,
        JobFailedError,
        JobGoneError,
        ResultsNotReadyError,
        client_error,
    )
    from eoflows.services.ogc_processes.models import (
        ApiError,
        Capabilities,
        ConformanceDeclaration,
        Format,
        InputDescription,
        JobInfo,
        JobList,
        JobResult,
        JobResults,
        Link,
        Output,
        OutputDescription,
        ProcessDescription,
        ProcessList,
        ProcessRequest,
        ProcessSummary,
        QualifiedValue,
        Subscriber,
    )
    from eoflows.services.ogc_processes.problems import api_error_of
    from eoflows.services.ogc_processes.request import OgcRequest
    from eoflows.services.ogc_processes.results import read_results
    from eoflows.services.ogc_processes.service import OgcService
    from eoflows.services.ogc_processes.states import ENDED, Phase, phase_of
    from eoflows.services.ogc_processes.submission import execution_error, results_error
    from eoflows.services.ogc_processes.validation import InputFault, InvalidInputsError, validate_inputs
    from eoflows.services.ogc_processes.wire import Transport
else:
    __getattr__, __dir__ = lazily(__name__)

__all__ = [
    "ENDED",
    "ApiError",
    "AsyncClient",
    "Capabilities",
    "Client",
    "ClientAbsentError",
    "ClientConfig",
    "ClientConflictError",
    "ClientContractError",
    "ClientCredentialsError",
    "ClientError",
    "ClientException",
    "ClientOutcomeUnknownError",
    "ClientRefusedError",
    "ClientThrottledError",
    "ClientUnreachableError",
    "ClientUnsentError",
    "ConformanceDeclaration",
    "Endpoint",
    "Execution",
    "Format",
    "InputDescription",
    "InputFault",
    "InvalidInputsError",
    "JobDismissedError",
    "JobFailedError",
    "JobGoneError",
    "JobInfo",
    "JobList",
    "JobResult",
    "JobResults",
    "Link",
    "Mode",
    "OgcCall",
    "OgcRequest",
    "OgcService",
    "Output",
    "OutputDescription",
    "Phase",
    "ProcessDescription",
    "ProcessList",
    "ProcessRequest",
    "ProcessSummary",
    "QualifiedValue",
    "ResultsNotReadyError",
    "Subscriber",
    "Transport",
    "api_error_of",
    "client_error",
    "execution_error",
    "phase_of",
    "read_dismissal",
    "read_document",
    "read_execution",
    "read_job",
    "read_results",
    "request_body",
    "results_error",
    "validate_inputs",
]
