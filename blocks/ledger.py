"""The ledger of remote jobs and money."""

from prefect.blocks.core import Block
from pydantic import ConfigDict, Field, HttpUrl, SecretStr, field_validator

from eoflows.blocks.logos import logo
from eoflows.blocks.storage import ObjectStorage

__all__ = ["JobLedger"]


class JobLedger(Block):
    """Where remote jobs and money are remembered, and where the results of jobs go.

    Example:
        Load a stored ledger:
        ```python
        from eoflows.blocks import JobLedger

        job_ledger = JobLedger.load("BLOCK_NAME")
        ```
    """

    # A URL that is refused may hold a password.
    model_config = ConfigDict(hide_input_in_errors=True)

    _block_type_name = "Job Ledger"
    _block_type_slug = "job-ledger"
    _logo_url = logo("ledger")
    _documentation_url = HttpUrl("https://docs.sqlalchemy.org/en/20/core/engines.html")
    _description = "Remembers remote jobs and money, so that nothing is sent twice; a file or PostgreSQL."

    url: SecretStr = Field(
        description="An absolute path of a file on a local disk, for workers on one host; or "
        "postgresql://user:password@host/database.",
        title="URL",
    )
    results: ObjectStorage = Field(description="Where the results of jobs go, under jobs/.")
    lease: float = Field(
        default=180.0,
        ge=30.0,
        description="Seconds after which another worker takes over what a dead one has begun; longer than "
        "any one request may take.",
    )
    lost_after: float = Field(
        default=3600.0,
        ge=0.0,
        description="Seconds for which a service must deny a job that it had before the job counts as lost.",
    )

    @field_validator("url")
    @classmethod
    def _usable(cls, value: SecretStr) -> SecretStr:
        # Only where a ledger is used is its machinery loaded.
        from eoflows.jobs.ledger.database import read_url  # noqa: PLC0415

        read_url(value.get_secret_value())
        return value
