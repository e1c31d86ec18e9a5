import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
import rasterio
from deadly import die_on_the_way
from preard_files import make_order, numbers

from eoflows.base.errors import IntegrityError, InvalidInputError, StorageError
from eoflows.base.files import whole_folder
from eoflows.base.files.leftovers import sweep_folder
from eoflows.services.earth_engine import open_ard, preard_to_cogs, preard_to_zarr
from eoflows.services.earth_engine.preard import read_preard

ROWS, COLUMNS = np.mgrid[0:40, 0:50]
LATER = datetime(2022, 6, 1, tzinfo=UTC)


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.mark.parametrize(("edge", "block"), [(32, 16), (16, 16), (64, 32)])
def test_two_orders_become_one_dataset(home, tmp_path, edge, block):
    second = make_order(home, "b", start=LATER, layers=2, edge=edge, block=block)
    first = make_order(home, "a", edge=edge, block=block)
    dataset = open_ard(preard_to_zarr([second, first], tmp_path / "x.zarr"))
    assert dict(dataset.sizes) == {"time": 5, "y": 40, "x": 50}
    assert list(dataset.data_vars) == ["blue", "green", "red", "nir", "swir1", "swir2", "thermal", "qa"]
    assert dataset.qa.dtype == "uint16"
    for time, layer in enumerate((0, 1, 2, 0, 1)):
        assert (dataset.qa.values[time] == numbers(layer, 7, ROWS, COLUMNS)).all()
        blue = numbers(layer, 0, ROWS, COLUMNS)
        expected = np.where(blue == 0, np.nan, blue * 2.75e-5 - 0.2)
        assert np.allclose(dataset.blue.values[time], expected, equal_nan=True)
    assert [f"{time:.10}" for time in dataset.time.values.astype(str)][::3] == ["2022-01-04", "2022-06-01"]
    assert dataset.x.values[0] == -2565585.0 + 3 * 50 * 30 + 15
    assert dataset.y.values[0] == 3314805.0 - 4 * 40 * 30 - 15
    assert dataset.spatial_ref.attrs["crs_wkt"].startswith("PROJCS")
    assert [layer[0]["system:index"] for layer in dataset.attrs["scenes"]] == [
        "a_0",
        "a_1",
        "a_2",
        "b_0",
        "b_1",
    ]
    assert "spatial_ref" in dataset.coords
    assert dataset.thermal.encoding["scale_factor"] == 0.00341802


def test_layers_become_cogs(home, tmp_path):
    paths = preard_to_cogs([make_order(home, "a")], tmp_path / "cogs")
    assert [path.name for path in paths] == [
        f"LANDSAT_LC09_C02_T1_L2_h003v004_2022{day}T180000.tif" for day in ("0104", "0112", "0120")
    ]
    for layer, path in enumerate(paths):
        with rasterio.open(path) as file:
            assert file.tags(ns="IMAGE_STRUCTURE")["LAYOUT"] == "COG"
            assert file.descriptions[-1] == "qa"
            assert file.scales[6] == 0.00341802
            assert json.loads(file.tags()["scenes"])[0]["system:index"] == f"a_{layer}"
            assert all(
                (file.read(band + 1) == numbers(layer, band, ROWS, COLUMNS)).all() for band in range(8)
            )
            assert file.transform.c == -2565585.0 + 3 * 50 * 30
    assert sorted((tmp_path / "cogs").iterdir()) == paths


def test_a_missing_file_is_noticed_and_nothing_is_left(home, tmp_path):
    path = make_order(home, "a")
    (home / "a-0000000032-0000000000.tif").unlink()
    with pytest.raises(IntegrityError, match="0000000032-0000000000"):
        preard_to_zarr([path], tmp_path / "x.zarr")
    assert not list(tmp_path.glob("*.zarr*"))
    assert not list(tmp_path.glob(".*"))


def test_files_of_another_order_are_noticed(home, tmp_path):
    path = make_order(home, "a")
    make_order(home, "b", layers=2)
    (home / "b-0000000032-0000000000.tif").replace(home / "a-0000000032-0000000000.tif")
    with pytest.raises(IntegrityError, match="bands"):
        preard_to_zarr([path], tmp_path / "x.zarr")
    make_order(home, "c", index=(4, 4))
    (home / "c-0000000032-0000000000.tif").replace(home / "a-0000000032-0000000000.tif")
    with pytest.raises(IntegrityError, match="transform"):
        preard_to_zarr([path], tmp_path / "x.zarr")
    assert not list(tmp_path.glob(".*"))


def test_what_cannot_be_one_dataset(home, tmp_path):
    first, other = make_order(home, "a"), make_order(home, "b", index=(4, 4), start=LATER)
    with pytest.raises(InvalidInputError, match="not of one tile"):
        preard_to_zarr([first, other], tmp_path / "x.zarr")
    with pytest.raises(InvalidInputError, match="overlap"):
        preard_to_zarr([first, make_order(home, "c")], tmp_path / "x.zarr")
    with pytest.raises(InvalidInputError, match="nothing to convert"):
        preard_to_zarr([make_order(home, "d", layers=0)], tmp_path / "x.zarr")


def test_what_is_there_stays_unless_it_may_go(home, tmp_path):
    path = make_order(home, "a")
    target = preard_to_zarr([path], tmp_path / "x.zarr")
    with pytest.raises(StorageError, match="is there already"):
        preard_to_zarr([path], target)
    assert open_ard(preard_to_zarr([path], target, overwrite=True)).sizes["time"] == 3


@pytest.mark.parametrize("convert", [preard_to_zarr, preard_to_cogs])
def test_what_another_run_is_making_is_left_to_it_and_what_a_dead_one_left_goes(home, tmp_path, convert):
    path, target, dead = make_order(home, "a"), tmp_path / "x", tmp_path / ".x.0123abcd.part"
    (dead / "content").mkdir(parents=True)
    (dead / "content" / "old.tif").touch()
    with whole_folder(target, replace=True) as living:
        (living / "new.tif").touch()
        convert([path], target)
        assert not dead.exists()
        assert not {"old.tif", "new.tif"} & {one.name for one in target.rglob("*")}
    assert [one.name for one in target.iterdir()] == ["new.tif"]
    assert not list(tmp_path.glob(".*"))


@pytest.mark.parametrize("convert", [preard_to_zarr, preard_to_cogs])
def test_runs_that_make_one_target_at_once_end_with_a_whole_one(home, tmp_path, convert):
    path, target = make_order(home, "a", size=(500, 400), edge=512), tmp_path / "x"
    convert([path], tmp_path / "alone")

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: convert([path], target, overwrite=True), range(12)))
    assert contents(target) == contents(tmp_path / "alone")
    assert not list(tmp_path.glob(".*"))


def test_a_conversion_that_is_killed_leaves_nothing_that_is_half(home, tmp_path):
    order, folder = str(make_order(home, "a", layers=2)), tmp_path / "made"
    variants = [(str(folder), order, kind) for kind in ("cogs", "zarr")]
    for deaths in die_on_the_way("convert_actions:convert", folder, 5, variants, Path(__file__)):
        assert [death for death in deaths if "failed" in death] == []
        sweep_folder(folder, timedelta(0))
        whole, *others = (contents(folder / death["name"]) for death in deaths)
        assert len(whole) > 1
        assert others == [whole] * 5


def contents(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


@pytest.mark.parametrize("text", ["{}", "[", '{"image": {}, "store": {"export_image_kwds": {}}}'])
def test_what_is_no_metadata(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(InvalidInputError, match="no metadata of pre-ARD"):
        read_preard(path)
    with pytest.raises(InvalidInputError, match="cannot be read"):
        read_preard(tmp_path / "none.json")
