"""The synthetic catalogue: when, where, what."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st

from eoflows.sandbox.earth_engine.collections import COLLECTIONS
from eoflows.sandbox.earth_engine.scenes import Catalogue
from eoflows.sandbox.earth_engine.settings import EarthEngineSettings, Gap

MONTANA = (-117.0, 46.0, -115.5, 47.5)
OCEAN = (-128.5, 46.0, -126.5, 48.0)
CATALOGUE = Catalogue(0, EarthEngineSettings().gaps)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def names(collection, bounds=MONTANA, start="2022-01-01", end="2022-03-01", catalogue=CATALOGUE):
    return [scene.name for scene in catalogue.scenes(collection, bounds, at(start), at(end))]


@pytest.mark.parametrize("collection", ["LANDSAT/LC09/C02/T1_L2", "COPERNICUS/S2_SR_HARMONIZED"])
def test_the_seed_decides(collection):
    assert names(collection) == names(collection)
    assert names(collection) != names(collection, catalogue=Catalogue(1, ()))
    assert len(set(names(collection))) == len(names(collection)) > 0


@given(
    collection=st.sampled_from(sorted(COLLECTIONS)),
    day=st.integers(0, 300),
    length=st.integers(1, 40),
    west=st.floats(-178, 170),
    south=st.floats(-70, 70),
)
@settings(max_examples=examples(40))
def test_scenes_are_where_and_when_they_are_asked_for(collection, day, length, west, south):
    start = at("2010-01-01") + timedelta(days=day)
    end = start + timedelta(days=length)
    found = list(CATALOGUE.scenes(collection, (west, south, west + 1, south + 1), start, end))
    for scene in found:
        left, bottom, right, top = scene.bounds
        assert left <= west + 1
        assert right >= west
        assert bottom <= south + 1
        assert top >= south
        assert start <= scene.time < end
    assert all(one.time <= other.time for one, other in pairwise(found))
    middle = start + (end - start) / 2
    halves = [*CATALOGUE.scenes(collection, (west, south, west + 1, south + 1), start, middle)]
    halves += CATALOGUE.scenes(collection, (west, south, west + 1, south + 1), middle, end)
    assert halves == found


def test_satellites_fly_only_while_they_flew():
    assert names("LANDSAT/LT05/C02/T1_L2", start="2012-05-06", end="2013-05-06") == []
    assert names("LANDSAT/LC09/C02/T1_L2", start="2021-01-01", end="2021-10-31") == []
    assert names("LANDSAT/LT05/C02/T1_L2", start="2011-05-06", end="2011-07-06")


def test_there_are_empty_tiles_and_periods():
    assert names("LANDSAT/LC08/C02/T1_L2", OCEAN, "2013-01-01", "2024-01-01") == []
    assert names("LANDSAT/LE07/C02/T1_L2", start="2003-05-31", end="2003-07-14") == []
    gap = Gap(collection="COPERNICUS/*", start=at("2022-01-05"), end=at("2022-01-20"))
    found = names("COPERNICUS/S2_SR_HARMONIZED", catalogue=Catalogue(0, (gap,)))
    assert not [name for name in found if "20220105" <= name[:8] < "20220120"]
    assert found


def test_several_granules_a_day_and_two_orbits_in_the_north():
    found = list(CATALOGUE.scenes("COPERNICUS/S2_SR_HARMONIZED", MONTANA, at("2022-01-01"), at("2022-02-01")))
    by_day = {day: [one for one in found if one.day == day] for day in {one.day for one in found}}
    assert max(len(granules) for granules in by_day.values()) > 2
    assert {len({one.orbit for one in granules}) for granules in by_day.values()} == {1}
    north = (25.0, 64.0, 26.0, 65.0)
    found = list(CATALOGUE.scenes("COPERNICUS/S2_SR_HARMONIZED", north, at("2022-01-01"), at("2022-02-01")))
    assert max(len({one.orbit for one in found if one.day == day}) for day in {one.day for one in found}) >= 2


def test_properties_are_those_of_the_real_collections():
    (scene, *_) = CATALOGUE.scenes("LANDSAT/LC09/C02/T1_L2", MONTANA, at("2022-01-01"), at("2022-03-01"))
    told = scene.properties
    assert told["LANDSAT_PRODUCT_ID"].startswith(f"LC09_L2SP_{told['WRS_PATH']:03d}{told['WRS_ROW']:03d}_")
    assert told["DATE_ACQUIRED"] == scene.day
    assert told["system:time_start"] == scene.time.timestamp() * 1000
    assert scene.id == f"LANDSAT/LC09/C02/T1_L2/{told['system:index']}"
    assert CATALOGUE.find(scene.id) == scene
    assert CATALOGUE.find("LANDSAT/LC09/C02/T1_L2/LC09_999999_20220101") is None
    year = [*CATALOGUE.scenes("LANDSAT/LC09/C02/T1_L2", MONTANA, at("2022-01-01"), at("2024-01-01"))]
    assert {"GEOMETRIC_RMSE_MODEL" in one.properties for one in year} == {True, False}
    assert {one.properties["PROCESSING_LEVEL"] for one in year} == {"L2SP", "L2SR"}
