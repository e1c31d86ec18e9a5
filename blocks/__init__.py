"""Credentials and settings of the services, as Prefect blocks; each has one method that opens its client."""

from eoflows.blocks.catalog import LocalCatalog
from eoflows.blocks.dummy import DummyServer
from eoflows.blocks.earth_engine import EarthEngineProject, PreArdStore, TileGrid
from eoflows.blocks.environment import EoEnvironment
from eoflows.blocks.geo_engine import GeoEngineServer
from eoflows.blocks.google import GoogleCredentials
from eoflows.blocks.ledger import JobLedger
from eoflows.blocks.oauth2 import OAuth2Credentials
from eoflows.blocks.ogc_processes import OgcProcessesServer
from eoflows.blocks.rs_server import RsServerCredentials
from eoflows.blocks.s3 import S3Bucket
from eoflows.blocks.stac import StacApi
from eoflows.blocks.storage import ObjectStorage
from eoflows.blocks.up42 import Up42Credentials

__all__ = [
    "DummyServer",
    "EarthEngineProject",
    "EoEnvironment",
    "GeoEngineServer",
    "GoogleCredentials",
    "JobLedger",
    "LocalCatalog",
    "OAuth2Credentials",
    "ObjectStorage",
    "OgcProcessesServer",
    "PreArdStore",
    "RsServerCredentials",
    "S3Bucket",
    "StacApi",
    "TileGrid",
    "Up42Credentials",
]
