"""Tells whether a file lies on a network file system, where SQLite's locks cannot be trusted."""

import re
from pathlib import Path

from eoflows.base.errors import CatalogError

__all__ = ["file_system", "refuse_network"]

_MOUNTS = Path("/proc/self/mountinfo")
_NETWORK = frozenset({
    "9p", "acfs", "afpfs", "afs", "beegfs", "ceph", "cifs", "coda", "davfs", "gfs", "gfs2", "glusterfs",
    "gpfs", "lustre", "ncpfs", "nfs", "nfs3", "nfs4", "ocfs2", "orangefs", "panfs", "pvfs2", "quobyte", "smb",
    "smb2", "smb3", "smbfs", "virtiofs",
})  # fmt: skip
# A mount through FUSE names its program after a dot; these keep the bytes elsewhere.
_NETWORK_FUSE = frozenset({
    "blobfuse", "blobfuse2", "ceph-fuse", "cephfs", "gcsfuse", "geesefs", "goofys", "juicefs", "mount-s3",
    "moosefs", "mfs", "rclone", "s3fs", "seaweedfs", "smbnetfs", "sshfs",
})  # fmt: skip
_OCTAL = re.compile(r"\\([0-7]{3})")


def file_system(path: Path, mounts: Path = _MOUNTS) -> str:
    """Name the type of the file system that holds a path; empty when the system does not say (not Linux).

    The last mount over the longest matching mount point counts: it hides those before it.
    """
    try:
        lines = mounts.read_text(errors="surrogateescape").splitlines()
    except OSError:
        return ""
    found, kind = -1, ""
    target = path.resolve()
    for line in lines:
        before, _, after = line.partition(" - ")
        point = Path(_OCTAL.sub(lambda match: chr(int(match[1], 8)), before.split(" ")[4]))
        if target.is_relative_to(point) and len(point.parts) >= found:
            found, kind = len(point.parts), after.split(" ")[0]
    return kind


def refuse_network(path: Path, mounts: Path = _MOUNTS) -> None:
    """Raise when a path lies on a network file system.

    Raises:
        CatalogError: It does; the message names the file system and what to do.
    """
    kind = file_system(path, mounts)
    if kind.removeprefix("fuse.") in _NETWORK | _NETWORK_FUSE:
        raise CatalogError(
            f"the catalogue {path} lies on the network file system {kind!r}, where SQLite loses data: "
            "put it on a local disk of one host, or use a STAC API with transactions as catalogue"
        )
