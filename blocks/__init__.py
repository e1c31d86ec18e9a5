"""Credentials and settings of the services, as Prefect blocks; each has one method that opens its client."""

from blocks.catalog import LocalCatalog
from blocks.dummy import DummyServer
from blocks.earth_engine import EarthEngineProject, PreArdStore, TileGrid
from blocks.environment import EoEnvironment
from blocks.geo_engine import GeoEngineServer
from blocks.google import GoogleCredentials
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
