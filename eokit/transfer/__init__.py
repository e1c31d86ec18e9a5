"""Transfer of bulk bytes: files land whole and verified, or not at all."""

from eokit.transfer.checksums import Checksum, Hasher
from eokit.transfer.engine import TransferEngine
from eokit.transfer.models import Download, Progress, Receipt, Slot, TransferSettings
from eokit.transfer.s3 import S3Bucket

__all__ = [
    "Checksum",
    "Download",
    "Hasher",
    "Progress",
    "Receipt",
    "S3Bucket",
    "Slot",
    "TransferEngine",
    "TransferSettings",
]
