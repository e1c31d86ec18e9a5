"""Graphs: references, functions, errors, and what single functions make."""

import numpy as np
import pytest

from eoflows.sandbox.earth_engine.engine import Engine
from eoflows.sandbox.earth_engine.errors import GraphError
from eoflows.sandbox.earth_engine.pixels import Window
from eoflows.sandbox.earth_engine.scenes import Catalogue
from eoflows.sandbox.earth_engine.settings import EarthEngineSettings

ENGINE = Engine(Catalogue(0, ()))
SETTINGS = EarthEngineSettings()
FEBRUARY = 1_646_006_400_000
"""2022-02-28, milliseconds since 1970."""
WINDOW = Window.of((30.0, 0.0, 0.0, 0.0, -30.0, 0.0), 8, 8)


def node(value):
    if isinstance(value, dict) and len(value) == 1 and next(iter(value)).endswith(("Value", "Reference")):
        return value
    if isinstance(value, list):
        return {"arrayValue": {"values": [node(one) for one in value]}}
    if isinstance(value, dict):
        return {"dictionaryValue": {"values": {name: node(one) for name, one in value.items()}}}
    return {"constantValue": value}


def call(name, **arguments):
    named = {key.rstrip("_"): node(value) for key, value in arguments.items()}
    return {"functionInvocationValue": {"functionName": name, "arguments": named}}


def function(body, *names):
    return {"functionDefinitionValue": {"argumentNames": list(names), "body": body}}


def argument(name):
    return {"argumentReference": name}


def value(root, **values):
    return ENGINE.value({"result": "0", "values": {"0": node(root), **values}}, SETTINGS)


def day(text):
    return call("Date", value=text)


@pytest.mark.parametrize(
    ("root", "expected"),
    [
        (call("Date.format", date=day("2022-03-04T05:06:07"), format="YYYY-MM-dd"), "2022-03-04"),
        (call("Date.format", date=day("2022-03-04"), format="yyyyMMdd'T'HHmmss D"), "20220304T000000 63"),
        (call("Date.format", date=day("2022-03-04"), format="d MMM ''yy"), "4 Mar '22"),
        (call("Date.format", date=day("2022-03-04")), "2022-03-04T00:00:00"),
        (call("Date.advance", date=day("2022-01-31"), delta=1, unit="month"),
         {"type": "Date", "value": FEBRUARY}),
        (call("Date.difference", date=day("2022-03-01"), start=day("2022-02-01"), unit="day"), 28),
        (call("Date.get", date=day("2022-03-04"), unit="month"), 3),
        (call("Date.getRelative", date=day("2022-03-04"), unit="day", inUnit="year"), 62),
        (call("Date.millis", date=call("DateRange.end", dateRange=call("DateRange", start=0, end=5))), 5),
        (call("List.distinct", list=[2, 1, 2]), [2, 1]),
        (call("List.zip", list=[1, 2], other=["a", "b"]), [[1, "a"], [2, "b"]]),
        (call("List.sequence", start=0, end=6, step=3), [0, 3, 6]),
        (call("List.sort", list=[1, 2, 3], keys=[3, 1, 2]), [2, 3, 1]),
        (call("List.slice", list=[1, 2, 3], start=1), [2, 3]),
        (call("List.flatten", list=[1, [2, [3]]]), [1, 2, 3]),
        (call("List.reduce", list=[1, 2, 6], reducer=call("Reducer.mean")), 3),
        (call("Dictionary.combine", first={"a": 1, "b": 1}, second={"b": 2}), {"a": 1, "b": 2}),
        (call("Dictionary.select", dictionary={"a": 1, "b": 2}, selectors=["b"]), {"b": 2}),
        (call("Dictionary.get", dictionary={}, key="x", defaultValue=5), 5),
        (call("String.replace", input="a-b-c", regex="-", replacement="_"), "a_b-c"),
        (call("String.replace", input="a-b-c", regex="-", replacement="_", flags="g"), "a_b_c"),
        (call("Number.format", number=7, pattern="%03d"), "007"),
        (call("Number.divide", left=1, right=0), 0),
        (call("Geometry.intersects", left=call("GeometryConstructors.BBox", west=0, south=0, east=1, north=1),
              right=call("GeometryConstructors.Point", coordinates=[0.5, 0.5])), True),
    ],
)  # fmt: skip
def test_functions(root, expected):
    assert value(root) == expected


def test_functions_of_functions_and_references():
    doubled = call("List.map", list={"valueReference": "1"}, baseAlgorithm=function("2", "x"))
    product = call("Number.multiply", left=argument("x"), right={"valueReference": "3"})
    assert value(doubled, **{"1": node([1, 2]), "2": product, "3": node(10)}) == [10, 20]
    inner = call("List.map", list=argument("row"), baseAlgorithm=function("2", "x"))
    table = call("List.map", list=[[1, 2], [3]], baseAlgorithm=function("1", "row"))
    size = call("List.length", list=argument("row"))
    added = call("Number.add", left=argument("x"), right={"valueReference": "3"})
    assert value(table, **{"1": inner, "2": added, "3": size}) == [[3, 4], [4]]
    summed = call("List.iterate", list=[1, 2, 3], function=function("1", "x", "so_far"), first=0)
    assert value(summed, **{"1": call("Number.add", left=argument("x"), right=argument("so_far"))}) == 6


def test_only_the_chosen_case_is_computed():
    bad = call("List.get", list=[], index=3)
    assert value(call("If", condition=1, trueCase="yes", falseCase=bad)) == "yes"
    assert value(call("If", condition=None, trueCase=bad)) is None


@pytest.mark.parametrize(
    ("root", "message"),
    [
        (call("No.such"), "Unrecognized function name: No.such."),
        (call("Image.sin", value=1), "the sandbox does not know this function"),
        (call("List.get", list=[1], index=1, other=2), "List.get: Unrecognized argument 'other'."),
        (call("List.get", list=[1]), "List.get: Parameter 'index' is required and may not be null."),
        (call("List.get", list="text", index=0), "Parameter 'list' is required to be a List, not str."),
        (call("List.get", list=[1], index=1), "List.get: List index must be between 0 and 0"),
        (call("Date", value="yesterday"), "Date: Cannot parse date 'yesterday'."),
        (call("Number.sqrt", input=-1), "Number.sqrt: ValueError"),
        (call("List.length", list=argument("gone")), "'gone' is not bound"),
        ({"valueReference": "7"}, "'7' is referred to, but not there"),
        (call("Image.select", input=call("Image.constant", value=1), bandSelectors=["B9"]),
         "Image.select: Pattern 'B9' did not match any bands."),
        (call("Image.rename", input=call("Image.constant", value=1), names=["a", "b"]),
         "Can't rename 1 bands to 2 names"),
    ],
)  # fmt: skip
def test_errors(root, message):
    with pytest.raises(GraphError) as caught:
        value(root)
    assert message in str(caught.value)


def pixels(root, **values):
    image = ENGINE._result({"result": "0", "values": {"0": node(root), **values}}, SETTINGS)
    return [(band.name, band.dtype, *band.pixels(WINDOW)) for band in image.bands]


def test_casts_cut_off_and_masks_are_filled():
    many = call("Image.constant", value=40_000)
    ((_, dtype, values, valid),) = pixels(call("Image.toInt16", value=many))
    assert (dtype, set(values.flat), valid.all()) == ("int16", {32_767}, True)
    ((_, dtype, values, _),) = pixels(call("Image.toUint16", value=call("Image.constant", value=2.9)))
    assert (dtype, set(values.flat)) == ("uint16", {2})
    masked = call(
        "Image.updateMask", image=call("Image.toInt16", value=many), mask=call("Image.constant", value=0)
    )
    ((_, dtype, values, valid),) = pixels(
        call("Image.unmask", input=masked, value=call("Image.constant", value=-9999))
    )
    assert (dtype, set(values.flat), valid.all()) == ("int16", {-9999}, True)
    ((_, dtype, _, _),) = pixels(
        call("Image.unmask", input=masked, value=call("Image.constant", value=70_000))
    )
    assert dtype == "int32"


def test_arithmetic_of_bands():
    two = call("Image.rename", input=call("Image.constant", value=[6, 4]), names=["a", "b"])
    half = call("Image.divide", image1=two, image2=call("Image.constant", value=4))
    assert [(name, float(values[0, 0])) for name, _, values, _ in pixels(half)] == [("a", 1.5), ("b", 1.0)]
    whole = call("Image.subtract", image1=call("Image.constant", value=10), image2=two)
    assert [(name, int(values[0, 0])) for name, _, values, _ in pixels(whole)] == [("a", 4), ("b", 6)]
    flag = call("Image.bitwiseAnd", image1=two, image2=call("Image.constant", value=2))
    assert [
        int(values[0, 0])
        for _, _, values, _ in pixels(call("Image.neq", image1=flag, image2=call("Image.constant", value=0)))
    ] == [1, 0]
    both = call("Image.addBands", dstImg=two, srcImg=call("Image.select", input=two, bandSelectors=["a"]))
    assert [name for name, *_ in pixels(both)] == ["a", "b", "a_1"]
    index = call("Image.normalizedDifference", input=two, bandNames=["a", "b"])
    ((_, _, values, _),) = pixels(index)
    assert np.allclose(values, 0.2)


def test_a_stack_is_named_after_its_images():
    images = [call("Image.rename", input=call("Image.constant", value=one), names=["x"]) for one in (1, 2)]
    stack = call("ImageCollection.toBands", collection=call("ImageCollection.fromImages", images=images))
    assert [(name, int(values[0, 0])) for name, _, values, _ in pixels(stack)] == [("0_x", 1), ("1_x", 2)]
    top = call("ImageCollection.mosaic", collection=call("ImageCollection.fromImages", images=images))
    assert [int(values[0, 0]) for _, _, values, _ in pixels(top)] == [2]


def test_joins_group_by_what_a_filter_says():
    def features(*values):
        made = [call("Feature", geometry=None, metadata={"day": day, "name": name}) for day, name in values]
        return call("Collection", features=made)

    same = call("Filter.equals", leftField="day", rightField="day")
    grouped = call(
        "Join.apply",
        join=call("Join.saveAll", matchesKey="all"),
        primary=features((1, "a"), (2, "b"), (3, "c")),
        secondary=features((1, "x"), (2, "y"), (1, "z")),
        condition=same,
    )
    found = {
        one["properties"]["name"]: [each["properties"]["name"] for each in one["properties"]["all"]]
        for one in value(grouped)["features"]
    }
    assert found == {"a": ["x", "z"], "b": ["y"]}
