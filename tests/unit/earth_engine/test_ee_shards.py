import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.services.earth_engine.shards import ShardGrid, StoredObject, image_objects, manifest_of
from eoflows.stores.transfer import Checksum

CRC = Checksum("crc32c", b"\1\2\3\4")


def stored(name, **changes):
    return StoredObject(**({"name": name, "size": 5, "checksum": CRC, "generation": 1} | changes))


@given(st.integers(1, 5000), st.integers(1, 5000), st.integers(16, 900), st.integers(16, 900))
def test_the_files_cover_the_image(width, height, edge_x, edge_y):
    suffixes = ShardGrid(width, height, edge_x, edge_y).suffixes()
    assert len(suffixes) == -(-width // edge_x) * -(-height // edge_y)
    assert len(set(suffixes)) == len(suffixes)
    if len(suffixes) == 1:
        assert suffixes == [".tif"]


def test_names_are_matched_exactly():
    names = [
        "p/NAME.tif",
        "p/NAME-0000000000-0000002560.tif",
        "p/NAMEB.tif",
        "p/NAME_2022.tif",
        "p/NAME-000-000.tif",
        "p/NAME-0000000000-0000002560.tif.aux.xml",
        "p/NAME.json",
        "q/p/NAME.tif",
    ]
    assert [one.name for one in image_objects(map(stored, names), "p/NAME")] == sorted(names[:2])


def test_a_whole_grid_is_accepted_and_no_other():
    grid = ShardGrid(50, 40, 32, 32)
    names = ["x" + suffix for suffix in grid.suffixes()]
    assert [one.name for one in manifest_of(map(stored, names), "x", grid)] == names
    with pytest.raises(ContractError, match="1 of 4 files are not there"):
        manifest_of(map(stored, names[1:]), "x", grid)
    with pytest.raises(ContractError, match=r"x\.tif is none of its 4 files"):
        manifest_of(map(stored, [*names, "x.tif"]), "x", grid)
    with pytest.raises(ContractError, match="no CRC32C"):
        manifest_of([stored(name, checksum=None) for name in names], "x", grid)


def test_manifests_come_back():
    one = stored("a/b.tif", generation=1795262205149677)
    assert StoredObject.from_dict(one.to_dict()) == one
    with pytest.raises(InvalidInputError, match="no entry of a manifest"):
        StoredObject.from_dict({"name": "x"})
