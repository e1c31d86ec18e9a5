"""Credentials and settings of the services, as Prefect blocks; each has one method that opens its client."""

from blocks.catalog import LocalCatalog
from blocks.dummy import DummyServer
from blocks.environment import EoEnvironment
from blocks.ledger import JobLedger
from blocks.oauth2 import OAuth2Credentials
from blocks.ogc_processes import OgcProcessesServer
from blocks.rs_server import RsServerCredentials
from blocks.s3 import S3Bucket
from blocks.stac import StacApi
from blocks.storage import ObjectStorage
from blocks.up42 import Up42Credentials

__all__ = [
    "DummyServer",
    "EoEnvironment",
    "JobLedger",
    "LocalCatalog",
    "OAuth2Credentials",
    "ObjectStorage",
    "OgcProcessesServer",
    "RsServerCredentials",
    "S3Bucket",
    "StacApi",
    "Up42Credentials",
]
