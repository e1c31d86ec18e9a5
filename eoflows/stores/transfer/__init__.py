"""Transfer of bulk bytes: files land whole and verified, or not at all."""

from eoflows.stores.transfer.checksums import Checksum, Hasher
from eoflows.stores.transfer.engine import TransferEngine
from eoflows.stores.transfer.google import GoogleBucket
from eoflows.stores.transfer.models import Download, Progress, Receipt, Slot, TransferSettings
from eoflows.stores.transfer.s3 import S3Bucket

__all__ = [
    "Checksum",
    "Download",
    "GoogleBucket",
    "Hasher",
    "Progress",
    "Receipt",
    "S3Bucket",
    "Slot",
    "TransferEngine",
    "TransferSettings",
]
