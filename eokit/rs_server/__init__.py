"""RS-Server: its sources of auxiliary products, and the environment that a flow works in."""

from eokit.rs_server.environment import FlowEnv, FlowEnvArgs, Source, StagingService
from eokit.rs_server.sources import AuxiliarySource, CatalogSearch, Searcher, select_search_client_and_kwargs

__all__ = [
    "AuxiliarySource",
    "CatalogSearch",
    "FlowEnv",
    "FlowEnvArgs",
    "Searcher",
    "Source",
    "StagingService",
    "select_search_client_and_kwargs",
]
