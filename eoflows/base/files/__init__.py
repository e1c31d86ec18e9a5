"""Files: whole under their names or not there, and what dead runs left of those that were not."""

from eoflows.base.files.errors import storage_errors
from eoflows.base.files.whole import (
    put_file,
    put_tree,
    scratch,
    whole_file,
    whole_folder,
    write_whole,
)

__all__ = [
    "put_file",
    "put_tree",
    "scratch",
    "storage_errors",
    "whole_file",
    "whole_folder",
    "write_whole",
]
