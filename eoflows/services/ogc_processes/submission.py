"""What a failed execution, or a failed question for results, means."""

from eoflows.base.errors import (
    ContractError,
    OutcomeUnknownError,
    RefusedError,
    ServiceError,
    ThrottledError,
    UnreachableError,
    UnsentError,
)
from eoflows.services.ogc_processes.errors import (
    ClientException,
    ClientOutcomeUnknownError,
    JobDismissedError,
    JobFailedError,
    ResultsNotReadyError,
    client_error,
    recast,
)
from eoflows.services.ogc_processes.models import JobInfo
from eoflows.services.ogc_processes.states import phase_of

__all__ = ["execution_error", "results_error"]


def execution_error(error: ServiceError | OutcomeUnknownError) -> ClientException:
    """Say what a failed execution means: certainly nothing began, or nobody knows.

    A refusal, 429 and a connection that was never made are certain. After a lost answer, a 5xx, a
    408, a 425 or a redirect the process may run.
    """
    if isinstance(error, OutcomeUnknownError) and not isinstance(error, ServiceError):
        found = ClientOutcomeUnknownError(str(error), client_error(ServiceError(str(error))).api_error)
        found.__cause__ = error
        return found
    known = client_error(error)
    throttled = isinstance(error, ThrottledError) and error.status == 429
    if isinstance(error, UnsentError | RefusedError) or throttled:
        return known
    if isinstance(error, UnreachableError | ContractError):
        return recast(error, ClientOutcomeUnknownError, known.api_error)
    return known


def results_error(error: ServiceError, job: JobInfo | None) -> ClientException:
    """Say why there are no results: what the job's own status says counts more than the error's words.

    Args:
        error: What the question for results raised.
        job: The job's status, asked for afterwards; None where it cannot be had.
    """
    known = client_error(error)
    if job is None:
        return known
    phase = phase_of(job.status)
    if phase == "failed":
        said = known.api_error.model_copy(update={"detail": job.message or known.api_error.detail})
        failed = JobFailedError(f"job {job.jobID} has failed: {said.detail}", said)
        failed.__cause__ = error
        return failed
    if phase == "cancelled":
        return recast(error, JobDismissedError, known.api_error)
    if phase == "succeeded":
        return known
    return recast(error, ResultsNotReadyError, known.api_error)
