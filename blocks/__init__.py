"""Credentials and settings of the services, as Prefect blocks; each has one method that opens its client."""

from blocks.catalog import LocalCatalog
from blocks.environment import EoEnvironment
from blocks.rs_server import RsServerCredentials
from blocks.stac import StacApi
from blocks.storage import ObjectStorage

__all__ = ["EoEnvironment", "LocalCatalog", "ObjectStorage", "RsServerCredentials", "StacApi"]
