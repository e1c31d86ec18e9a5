from pathlib import Path

import pytest

from eoflows.base.errors import CatalogError
from eoflows.stores.catalog.mounts import file_system, refuse_network

MOUNTS = """\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:40 / /mnt/nas rw,relatime - nfs4 server:/export rw
31 30 8:2 / /mnt/nas/local rw,relatime - xfs /dev/sdb1 rw
32 22 0:41 / /mnt/two\\040words rw - cifs //server/share rw
33 22 0:42 / /mnt/ssh rw - fuse.sshfs me@host:/ rw
34 22 8:3 / /mnt/disk rw - fuseblk /dev/sdc1 rw
35 22 8:4 / /mnt/hidden rw - ext4 /dev/sdd1 rw
36 22 0:43 / /mnt/hidden rw master:2 propagate_from:3 - lustre a@tcp:/x rw
"""


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    (tmp_path / "mountinfo").write_text(MOUNTS)
    return tmp_path / "mountinfo"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/home/me/c.sqlite", "ext4"),
        ("/mnt/nas/c.sqlite", "nfs4"),
        ("/mnt/nasty/c.sqlite", "ext4"),
        ("/mnt/nas/local/c.sqlite", "xfs"),
        ("/mnt/two words/c.sqlite", "cifs"),
        ("/mnt/ssh/c.sqlite", "fuse.sshfs"),
        ("/mnt/disk/c.sqlite", "fuseblk"),
        ("/mnt/hidden/c.sqlite", "lustre"),
    ],
)
def test_the_longest_and_latest_mount_counts(mounts: Path, path: str, kind: str) -> None:
    assert file_system(Path(path), mounts) == kind
    if kind in ("ext4", "xfs", "fuseblk"):
        refuse_network(Path(path), mounts)
    else:
        with pytest.raises(CatalogError, match=rf"{kind}.*local disk"):
            refuse_network(Path(path), mounts)


def test_a_system_without_mountinfo_says_nothing(tmp_path: Path) -> None:
    assert file_system(tmp_path, tmp_path / "none") == ""
    refuse_network(tmp_path, tmp_path / "none")


def test_a_link_leads_to_where_the_file_lies(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "near").symlink_to(tmp_path / "far")
    mounts = tmp_path / "mountinfo"
    mounts.write_text(f"1 0 8:1 / / rw - ext4 /dev/a rw\n2 1 0:9 / {tmp_path}/far rw - nfs s:/ rw\n")
    assert file_system(tmp_path / "near" / "c.sqlite", mounts) == "nfs"
