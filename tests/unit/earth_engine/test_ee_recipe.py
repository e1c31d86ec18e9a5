import json
from datetime import UTC, datetime, timedelta

import pytest

from eoflows.base.errors import ContractError, InvalidInputError
from eoflows.services.earth_engine import (
    EmptyCollectionError,
    TileGrid,
    Wanted,
    collection_spec,
    known_collections,
    load_collections,
    read_filter,
)
from eoflows.services.earth_engine.collections import CollectionSpec
from eoflows.services.earth_engine.orders import Layout, _check, _order
from eoflows.services.earth_engine.recipe import export_body, export_options, file_edges
from eoflows.services.earth_engine.scenes import Layer, Scene, in_period, layers_of, read_scenes, scenes_graph

GRID = TileGrid((-2565585.0, 3314805.0), "EPSG:5070", (30, 30), (5000, 4000))
TILE = GRID[4, 3]
OLI, S2 = collection_spec("LANDSAT/LC09/C02/T1_L2"), collection_spec("COPERNICUS/S2_SR_HARMONIZED")
HLS = collection_spec("NASA/HLS/HLSS30/v002")
DAY = datetime(2022, 1, 4, 18, 33, tzinfo=UTC)


def scene(name, time=DAY, **properties):
    return Scene(name, time, properties)


def layer(*names, time=DAY):
    return Layer(f"{time:%Y-%m-%d}", time, names)


def body(spec, layers, **options):
    return json.loads(
        export_body(spec, TILE, layers, bucket="b", path="P/x", options=export_options(options, spec))
    )


def functions_in(document):
    found = []

    def walk(node):
        if isinstance(node, dict):
            if "functionName" in node:
                found.append(node["functionName"])
            for one in node.values():
                walk(one)
        elif isinstance(node, list):
            for one in node:
                walk(one)

    walk(document)
    return found


def test_the_collections_that_come_along():
    assert list(known_collections()) == [
        *(f"LANDSAT/{mark}/C02/T1_L2" for mark in ("LT04", "LT05", "LE07", "LC08", "LC09")),
        *("COPERNICUS/S2_SR_HARMONIZED", "NASA/HLS/HLSL30/v002", "NASA/HLS/HLSS30/v002"),
    ]
    for spec in known_collections().values():
        assert spec.names[:6] == ["blue", "green", "red", "nir", "swir1", "swir2"]
        assert spec.names[-1] == "qa"
        assert spec.bands[-1].bits
        assert spec.bands[-1].factor == 1
    assert (OLI.dtype, OLI.bands[0].scale, OLI.bands[0].offset) == ("uint16", 2.75e-5, -0.2)
    assert (OLI.bands[6].source, OLI.bands[6].scale, OLI.bands[6].offset) == ("ST_B10", 0.00341802, 149.0)
    assert [band.nodata for band in HLS.bands] == [-9999] * 6 + [255]
    assert HLS.bands[3].source == "B8A"


def test_collections_are_read_from_a_file(tmp_path):
    path = tmp_path / "more.yaml"
    path.write_text("X/Y: {dtype: uint8, bands: {a: {source: B1, nodata: 0}}}\n")
    assert load_collections(path)["X/Y"].names == ["a"]
    path.write_text("X/Y: {dtype: uint8, bands: {a: {source: B1, nodata: -1}}}\n")
    with pytest.raises(InvalidInputError, match="cannot hold nodata -1"):
        load_collections(path)
    with pytest.raises(InvalidInputError, match="known are LANDSAT/LT04"):
        collection_spec("LANDSAT/LC08/C01/T1_SR")


def test_versions_tell_collections_apart():
    assert OLI.version != collection_spec("LANDSAT/LC08/C02/T1_L2").version
    assert OLI.version == CollectionSpec.model_validate(OLI.model_dump()).version


def test_layers_are_days_and_orbits():
    scenes = [
        scene("b", DAY + timedelta(minutes=1)),
        scene("a"),
        scene("c", DAY + timedelta(days=1)),
    ]
    assert [one.scenes for one in layers_of(scenes, OLI)] == [("a", "b"), ("c",)]
    orbits = [scene("a", SENSING_ORBIT_NUMBER=1), scene("b", SENSING_ORBIT_NUMBER=2)]
    assert [one.scenes for one in layers_of(orbits, S2)] == [("a",), ("b",)]
    with pytest.raises(InvalidInputError, match="SENSING_ORBIT_NUMBER"):
        layers_of([scene("a")], S2)
    assert in_period(scenes, (DAY, DAY + timedelta(days=1))) == scenes[:2]


@pytest.mark.usefixtures("functions")
def test_the_body_has_the_shape_of_the_real_one():
    made = body(OLI, [layer("LC09_1", "LC09_2")])
    assert made["description"] == "x"
    assert made["fileExportOptions"] == {
        "fileFormat": "GEO_TIFF",
        "cloudStorageDestination": {"bucket": "b", "filenamePrefix": "P/x"},
        "geoTiffOptions": {
            "cloudOptimized": True,
            "noData": {"floatValue": 0},
            "tileDimensions": {"width": 2560, "height": 2560},
            "tileSize": {"value": 256},
        },
    }
    assert made["maxPixels"] == {"value": "10000000000000"}
    assert "requestId" not in made
    called = functions_in(made["expression"])
    assert called.count("ImageCollection.mosaic") == 1
    assert "Image.toUint16" in called
    assert not {"Image.multiply", "Image.toInt16"} & set(called)
    text = json.dumps(made)
    assert '["LC09_1", "LC09_2"]' in text
    assert '"sameFootprint": {"constantValue": false}' in text
    assert "[0, 0, 5000, 4000]" in text
    assert "[0, 0, 0, 0, 0, 0, 0, 1]" in text


@pytest.mark.usefixtures("functions")
def test_fractions_become_numbers_and_flags_stay():
    called = functions_in(body(HLS, [layer("a")])["expression"])
    assert called.count("Image.multiply") == 6
    assert called.count("Image.round") == 6
    assert "Image.toInt16" in called


@pytest.mark.usefixtures("functions")
def test_the_same_order_has_the_same_body_whatever_is_done_between():
    options = export_options({"formatOptions": {"noData": 3}}, OLI)
    first = export_body(OLI, TILE, [layer("a")], bucket="b", path="P/x", options=options)
    assert options["formatOptions"] == {"cloudOptimized": True, "noData": 3}
    assert export_body(OLI, TILE, [layer("a")], bucket="b", path="P/x", options=options) == first


@pytest.mark.usefixtures("functions")
def test_too_many_bands_are_refused_before_anything_is_sent():
    with pytest.raises(InvalidInputError, match=r"5008 bands of 626 layers.*shorter periods"):
        body(OLI, [layer("a")] * 626)
    with pytest.raises(InvalidInputError, match="0 bands"):
        body(OLI, [])


def test_options_that_the_tile_says_are_refused():
    for name in ("crs", "crsTransform", "dimensions", "bucket", "fileNamePrefix"):
        with pytest.raises(InvalidInputError, match=name):
            export_options({name: 1}, OLI)
    old = export_options({"cloudOptimized": False, "shardSize": 128, "fileDimensions": 512}, OLI)
    assert old["formatOptions"]["cloudOptimized"] is False
    assert file_edges(old) == (512, 512)
    assert file_edges(export_options({"fileDimensions": [512, 256]}, OLI)) == (512, 256)
    with pytest.raises(InvalidInputError, match="multiples of shardSize"):
        file_edges(export_options({"fileDimensions": 300}, OLI))


@pytest.mark.usefixtures("functions")
def test_an_unknown_option_is_refused_by_the_client_package():
    with pytest.raises(InvalidInputError, match="cannot be exported so"):
        body(OLI, [layer("a")], colour="red")


@pytest.mark.usefixtures("functions")
def test_one_question_for_the_whole_span():
    span = (datetime(2022, 1, 1, tzinfo=UTC), datetime(2023, 1, 1, tzinfo=UTC))
    filters = [{"function": "lte", "name": "CLOUD_COVER", "value": 80}]
    graph = scenes_graph(OLI, TILE, span, filters, offset=5000)
    called = functions_in(graph)
    assert called.count("Collection.toList") == 1
    assert "Element.propertyNames" in called
    assert "Filter.greaterThan" in called
    assert '"offset": {"constantValue": 5000}' in json.dumps(graph)


def test_the_answer_is_read():
    (one,) = read_scenes([{"index": "a", "time_start": 1641321204000, "properties": {"X": 1}}])
    assert (one.name, one.time, one.properties) == (
        "a",
        datetime(2022, 1, 4, 18, 33, 24, tzinfo=UTC),
        {"X": 1},
    )
    for wrong in ([{"index": "a"}], [3], None):
        with pytest.raises(ContractError):
            read_scenes(wrong)


@pytest.mark.usefixtures("functions")
@pytest.mark.parametrize(
    ("document", "function"),
    [
        ({"function": "lte", "name": "A", "value": 80}, "Filter.greaterThan"),
        ({"function": "equals", "name": "A", "value": "x"}, "Filter.equals"),
        ({"function": "inList", "name": "A", "value": [1, 2]}, "Filter.listContains"),
        ({"function": "stringContains", "name": "A", "value": "x"}, "Filter.stringContains"),
        ({"function": "notNull", "name": "A"}, "Filter.notNull"),
        ({"function": "dayOfYear", "start": 300, "end": 60}, "Filter.dayOfYear"),
        ({"function": "month", "start": 5, "end": 9}, "Filter.calendarRange"),
        ({"function": "Not", "filters": [{"function": "eq", "name": "A", "value": 1}]}, "Filter.not"),
        ({"function": "Or", "filters": [{"function": "eq", "name": "A", "value": 1}] * 2}, "Filter.or"),
    ],
)
def test_filters_that_are_known(document, function):
    import ee

    made = read_filter(document)
    assert function in functions_in(ee.serializer.encode(made, for_cloud_api=True))
    assert read_filter(made) is made


@pytest.mark.usefixtures("functions")
@pytest.mark.parametrize("cloud", [True, False], ids=["today's form", "the original's form"])
def test_a_serialized_filter_is_read_again(cloud):
    import ee

    both = {"function": "And", "filters": [{"function": "lte", "name": "A", "value": 80},
                                           {"function": "inList", "name": "B", "value": [1, 2]}]}  # fmt: skip
    made = read_filter(both)
    again = read_filter(ee.serializer.encode(made, for_cloud_api=cloud))
    assert ee.serializer.encode(again, for_cloud_api=True) == ee.serializer.encode(made, for_cloud_api=True)


@pytest.mark.usefixtures("functions")
def test_nothing_but_filters_is_read_from_a_graph():
    import ee

    for other in (
        ee.ImageCollection("X").filterDate("2020-01-01"),
        ee.Filter.eq("A", ee.Image("X").get("B")),
        ee.Number(1).add(2),
    ):
        for cloud in (True, False):
            with pytest.raises(InvalidInputError, match="cannot be read"):
                read_filter(ee.serializer.encode(other, for_cloud_api=cloud))
    invocation = {"functionInvocationValue": {"functionName": "Filter.not", "arguments": {}}}
    for wrong in (
        {"result": "0", "values": {"0": {"valueReference": "0"}}},
        {"result": "1", "values": {"0": invocation}},
        {"result": "0", "values": {"0": {"constantValue": 3}}},
        {"type": "CompoundValue", "scope": 3, "value": 2},
    ):
        with pytest.raises(InvalidInputError):
            read_filter(wrong)


@pytest.mark.usefixtures("functions")
@pytest.mark.parametrize(
    "document",
    [
        {"function": "__init__", "name": "A", "value": 1},
        {"function": "expression", "name": "A", "value": 1},
        {"function": "lte", "name": "A"},
        {"function": "lte", "name": "A", "value": [1]},
        {"function": "lte", "name": "A", "value": 1, "more": 2},
        {"function": "inList", "name": "A", "value": 3},
        {"function": "stringContains", "name": "A", "value": 3},
        {"function": "lte", "name": 3, "value": 1},
        {"function": "dayOfYear", "start": 0, "end": 5},
        {"function": "And", "filters": []},
        {"name": "A"},
        "CLOUD_COVER < 3",
        3,
    ],
)
def test_nothing_else_is_a_filter(document):
    with pytest.raises(InvalidInputError):
        read_filter(document)


def orders(template, *, scenes=(), options=None):
    layout = Layout(
        grid=GRID,
        name_template=template,
        prefix_template="P/{collection}",
        filters={OLI.id: [{"function": "lte", "name": "CLOUD_COVER", "value": 80}]},
        options=options or {},
    )
    wanted = Wanted.of(OLI.id, (4, 3), "2022-01-01", "2022-03-01", "MS")
    return [
        _order(layout, "http://ee", "bucket", DAY, "", OLI, TILE, period, in_period(scenes, period))
        for period in wanted.periods
    ]


@pytest.mark.usefixtures("functions")
def test_an_order_is_what_is_asked_for_not_when_nor_which_images_there_are():
    template = "{collection}_{tile.name}_{date_start}"
    first, empty = orders(template, scenes=[scene("a")])
    assert (first.name, first.prefix) == (
        "LANDSAT_LC09_C02_T1_L2_h003v004_2022-01-01",
        "P/LANDSAT_LC09_C02_T1_L2",
    )
    assert first.request is not None
    assert empty.request is None
    later, _ = orders(template, scenes=[scene("a"), scene("b")])
    assert later.key == first.key
    assert later.request.body != first.request.body
    assert orders(template, scenes=[scene("a")], options={"fileDimensions": 256})[0].key != first.key


@pytest.mark.usefixtures("functions")
def test_two_orders_cannot_have_one_name_and_empty_ones_may_be_errors():
    with pytest.raises(InvalidInputError, match="two orders would be"):
        _check(orders("same"), error_if_empty=False)
    with pytest.raises(EmptyCollectionError, match="no image of LANDSAT/LC09/C02/T1_L2 over tile h003v004"):
        _check(orders("{date_start}"), error_if_empty=True)


@pytest.mark.parametrize(
    "wanted", [((), [(1, 2)]), ("A", []), (["A", "A"], [(1, 2)]), ("A", [(1, 2), (1, 2)])]
)
def test_what_asks_for_nothing_or_twice_is_refused(wanted):
    with pytest.raises(InvalidInputError):
        Wanted.of(*wanted, "2022-01-01", "2022-02-01", None)
