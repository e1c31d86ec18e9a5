"""Moves Earth-observation data between services and your storage: search, stage, submit, track, collect.

These names need no Prefect, and each is loaded when it is used. Flows are in `eoflows.flows`.
"""

from eoflows.base.extras import tell_missing_extras
from eoflows.base.lazy import lazily

TYPE_CHECKING = False  # the name's own module costs more than all of this
if TYPE_CHECKING:
    from eoflows.base.errors import (
        EoError,
        InvalidInputError,
        OutcomeUnknownError,
        PartialError,
        ServiceError,
    )
    from eoflows.base.http import ApiKey, BasicLogin, BearerToken, HttpClient, Keyring, Origin, PasswordGrant
    from eoflows.base.times import Interval
    from eoflows.jobs import (
        AnyRequest,
        Intent,
        JobFilter,
        JobRecord,
        JobRequest,
        Ledger,
        Phase,
        collect,
        read_request,
        resolve_job,
        submit,
        track_round,
        wait_for_jobs,
    )
    from eoflows.products.environment import AuxiliarySource, FlowEnv, FlowEnvArgs
    from eoflows.products.selection import PolicyName, Selection, Wanted
    from eoflows.products.staging import Place, Stager, StagingReport, stage_pages
    from eoflows.products.unpack import Unpacker
    from eoflows.stores.catalog import Catalog, LocalCatalog, RemoteCatalog
    from eoflows.stores.stac import SearchRequest, StacClient
    from eoflows.stores.storage import Storage, storage_from_url
    from eoflows.stores.transfer import Checksum, Download, TransferEngine
else:
    __getattr__, __dir__ = lazily(__name__)

__all__ = [
    "AnyRequest",
    "ApiKey",
    "AuxiliarySource",
    "BasicLogin",
    "BearerToken",
    "Catalog",
    "Checksum",
    "Download",
    "EoError",
    "FlowEnv",
    "FlowEnvArgs",
    "HttpClient",
    "Intent",
    "Interval",
    "InvalidInputError",
    "JobFilter",
    "JobRecord",
    "JobRequest",
    "Keyring",
    "Ledger",
    "LocalCatalog",
    "Origin",
    "OutcomeUnknownError",
    "PartialError",
    "PasswordGrant",
    "Phase",
    "Place",
    "PolicyName",
    "RemoteCatalog",
    "SearchRequest",
    "Selection",
    "ServiceError",
    "StacClient",
    "Stager",
    "StagingReport",
    "Storage",
    "TransferEngine",
    "Unpacker",
    "Wanted",
    "collect",
    "read_request",
    "resolve_job",
    "stage_pages",
    "storage_from_url",
    "submit",
    "track_round",
    "wait_for_jobs",
]

tell_missing_extras()
