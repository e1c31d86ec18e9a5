import pickle
import socket

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from referencing import Registry

from eoflows.services.ogc_processes import InvalidInputsError, ProcessDescription, validate_inputs

REMOTE = "https://schemas.opengis.net/ogcapi/x.yaml"
ELSEWHERE = {"allOf": [{"format": "geojson-geometry"}, {"$ref": REMOTE}]}
GML, KML, TIFF, JP2 = (
    {"type": "string", "contentMediaType": kind}
    for kind in (
        "application/gml+xml; version=3.2",
        "application/vnd.google-earth.kml+xml",
        "image/tiff",
        "image/jp2",
    )
)
BOX = {"type": "object", "required": ["bbox"], "properties": {"bbox": {"type": "array", "minItems": 4}}}


def process(**inputs):
    return ProcessDescription.model_validate({"id": "p", "inputs": inputs})


def one(schema, value, **occurs):
    return [fault.message for fault in validate_inputs(process(x={"schema": schema, **occurs}), {"x": value})]


@pytest.fixture(autouse=True)
def _no_network(monkeypatch):
    tried = []

    def refuse(*arguments, **options):
        tried.append(arguments)
        raise OSError("no network")

    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    yield
    assert tried == []


GOOD = [
    ({"type": "string"}, "a", {}),
    ({"type": "string"}, {"value": "a", "mediaType": "text/plain"}, {}),
    ({"type": "string"}, {"href": "https://x/y", "type": "image/tiff"}, {}),
    ({"type": "object"}, {"value": {"a": 1}}, {}),
    ({"type": "object"}, {"a": 1}, {}),
    ({"allOf": [{"format": "ogc-bbox"}, BOX]}, {"bbox": [1, 2, 3, 4], "crs": "x"}, {}),
    ({"type": "string", "contentEncoding": "base64"}, {"value": "aGk=", "encoding": "base64"}, {}),
    ({"type": "integer"}, [1, 2, 3], {"maxOccurs": "unbounded"}),
    ({"type": "integer"}, 1, {"maxOccurs": 3}),
    ({"type": "integer"}, [{"value": 1}, {"href": "x"}], {"maxOccurs": 3}),
    ({"type": "array", "items": {"type": "integer"}}, [1, 2, 3], {"maxOccurs": 2}),
    ({"type": "array", "items": {"type": "integer"}}, [[1], [2]], {"maxOccurs": 2}),
    ({"type": "array"}, [1, 2, 3], {}),
    ({"type": "string", "nullable": True}, None, {}),
    ({"type": "number", "minimum": 0, "exclusiveMinimum": False}, 0, {}),
    ({"$ref": REMOTE}, object, {}),
    ({"oneOf": [{"$ref": REMOTE}, {"type": "integer"}]}, "x", {}),
    ({"$ref": "#/components/schemas/absent"}, "x", {}),
    ({"$dynamicRef": REMOTE}, "x", {}),
    ({"$id": REMOTE, "$schema": "https://x/unknown", "type": "string"}, "x", {}),
    ({"type": 7}, "x", {}),
    ({"type": "string", "pattern": "("}, "x", {}),
    ({"$ref": "#"}, "x", {}),
    ({}, {"anything": True}, {}),
    (True, 1, {}),
    (REMOTE, 1, {}),
    (None, 1, {}),
    ({"type": "string", "enum": [{"$ref": REMOTE}, "a"]}, "a", {}),
    ({"oneOf": [TIFF, JP2]}, "SUkq", {}),
    ({"oneOf": [TIFF, JP2]}, {"value": "SUkq", "encoding": "base64", "mediaType": "image/jp2"}, {}),
    ({"oneOf": [GML, KML]}, {"value": "<kml/>", "mediaType": KML["contentMediaType"]}, {}),
    ({"anyOf": [{"type": "integer"}, {"oneOf": [GML, KML]}]}, "<kml/>", {}),
    ({"allOf": [{"oneOf": [GML, KML]}, {"minLength": 1}]}, "<kml/>", {}),
    ({"type": "array", "items": {"oneOf": [GML, KML]}}, ["<kml/>"], {}),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"oneOf": [GML, KML]}}}, "<kml/>", {}),
    ({"oneOf": [GML, ELSEWHERE]}, {"value": {"type": "Point"}}, {}),
    ({"oneOf": [GML, ELSEWHERE]}, ["<gml/>", {"value": {"type": "Point"}}], {"minOccurs": 2, "maxOccurs": 5}),
    ({"oneOf": [ELSEWHERE, ELSEWHERE]}, {"value": {"type": "FeatureCollection"}}, {}),
    ({"not": {"$ref": REMOTE}}, "x", {}),
    ({"if": {"$ref": REMOTE}, "then": {"type": "integer"}}, "x", {}),
    ({"allOf": [{"$ref": REMOTE}], "unevaluatedProperties": False}, {"value": {"a": 1}}, {}),
    ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, 3, {}),
    ({"items": [{"type": "integer"}], "additionalItems": False}, {"value": [3]}, {}),
    ({"properties": {"nullable": {"type": "boolean"}}}, {"value": {"nullable": True}}, {}),
    ({"properties": {"default": {"type": "string", "nullable": True}}}, {"value": {"default": None}}, {}),
    ({"properties": {"$id": {"type": "integer"}}}, {"value": {"$id": 3}}, {}),
    ({"type": "string"}, {"href": "https://x/y", "format": {"mediaType": "image/tiff"}, "length": 3}, {}),
    ({"type": "string"}, {"value": "SUkq\r\nAA==\n", "encoding": "base64"}, {}),
]


@pytest.mark.parametrize(("schema", "value", "occurs"), GOOD)
def test_what_fits_or_cannot_be_checked_passes(schema, value, occurs):
    assert one(schema, value, **occurs) == []


BAD = [
    ({"type": "string"}, 7, {}, "7 is not of type 'string'"),
    ({"type": "string"}, {"value": 7}, {}, "7 is not of type 'string'"),
    ({"type": "string"}, {"href": ""}, {}, "without an address"),
    ({"type": "string"}, None, {}, "None is not of type 'string'"),
    ({"type": "string"}, ["a"], {}, "is not of type 'string'"),
    (BOX, {"bbox": [1]}, {}, "bbox: [1] is too short"),
    ({"type": "string"}, {"value": "?", "encoding": "base64"}, {}, "base64 and is not"),
    ({"type": "string"}, {"value": {}, "encoding": "base64"}, {}, "base64 and is not"),
    ({"type": "integer"}, [1, 2, 3], {"maxOccurs": 2}, "has 3 values, and the process takes at most 2"),
    (
        {"type": "integer"},
        [1],
        {"minOccurs": 2, "maxOccurs": 3},
        "has 1 value, and the process needs at least 2",
    ),
    (
        {"type": "integer"},
        1,
        {"minOccurs": 2, "maxOccurs": 3},
        "has 1 value, and the process needs at least 2",
    ),
    ({"type": "integer"}, [1, "a"], {"maxOccurs": 3}, "value 2 of 2: 'a' is not of type 'integer'"),
    ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, 0, {}, "0 is less than or equal to"),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}, 7, {}, "7 is not of type 'string'"),
    ({"allOf": [{"$ref": REMOTE}, {"type": "integer"}]}, "x", {}, "'x' is not of type 'integer'"),
    ({"oneOf": [TIFF, JP2]}, 7, {}, "7 is not"),
    (
        {"oneOf": [GML, {**BOX, "contentMediaType": "a/b"}]},
        {"value": "x", "mediaType": "a/b; c=d"},
        {},
        "'x'",
    ),
    ({"type": "array", "items": {"oneOf": [GML, KML]}}, [7], {}, "7 is not"),
    ({"properties": {"$id": {"type": "integer"}}}, {"value": {"$id": "a"}}, {}, "is not of type 'integer'"),
    ({"oneOf": [{"type": "integer"}], "anyOf": [{"minimum": 3}]}, 2, {}, "2 is"),
    ({"not": {"type": "integer"}}, 2, {}, "2 should not be valid"),
    ({"type": "string"}, {"href": "https://x/{y}", "templated": True}, {}, "is not of type 'string'"),
]


@pytest.mark.parametrize(("schema", "value", "occurs", "message"), BAD)
def test_what_does_not_fit_has_one_fault(schema, value, occurs, message):
    (found,) = one(schema, value, **occurs)
    assert message in found


def test_one_fault_per_input_and_the_value_with_it():
    described = process(
        a={"schema": {"type": "string", "minLength": 9, "pattern": "x"}},
        b={"schema": {"type": "string"}},
        c={"schema": {"type": "string"}, "minOccurs": 0},
        d={"schema": {"type": "string", "default": "x"}},
    )
    faults = validate_inputs(described, {"a": "long " * 1, "z": 1})
    assert [(fault.name, fault.value) for fault in faults] == [("a", "long "), ("z", 1), ("b", None)]
    assert "it has a, b, c, d" in str(faults[1])
    assert "is missing" in str(faults[2])
    long = one({"type": "string"}, list(range(10_000)))
    assert len(long[0]) <= 300


def test_a_process_that_describes_no_inputs_takes_what_it_takes():
    assert validate_inputs(ProcessDescription.model_validate({"id": "p"}), {"x": 1}) == []
    assert len(validate_inputs(process(), {"x": 1})) == 1


def test_the_error_survives_being_pickled():
    faults = tuple(validate_inputs(process(), {"x": 1}))
    error = InvalidInputsError("no", faults)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.faults) == (str(error), faults)


SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab", max_size=3)
VALUES = st.recursive(
    SCALARS, lambda one: st.lists(one, max_size=3) | st.dictionaries(st.sampled_from("abc"), one, max_size=3)
)
LEAVES = st.sampled_from([
    {"type": "integer"}, {"type": "string"}, {"type": "object"}, {"minimum": 0}, {"minLength": 2},
    {"required": ["a"]}, {"enum": [1, "a", None]},
])  # fmt: skip
INNER = st.sampled_from(["not", "items", "additionalProperties"])
SCHEMAS = st.recursive(
    LEAVES | st.just({"$ref": REMOTE}),
    lambda one: (
        st.builds(lambda word, several: {word: several}, st.sampled_from(["allOf", "anyOf", "oneOf"]),
                  st.lists(one, min_size=1, max_size=3))
        | st.builds(lambda word, inner: {word: inner}, INNER, one)
        | st.builds(lambda inner: {"properties": {"a": inner}}, one)
    ),
    max_leaves=6,
)  # fmt: skip


def holds(schema, value):
    """Whether a value may fit by the standard's words, whatever lies elsewhere."""
    return any(
        Draft202012Validator(filled(schema, taken), registry=Registry()).is_valid(value)
        for taken in (True, False)
    )


def filled(schema, taken):
    """The schema, with all that lies elsewhere taking anything, or nothing."""
    if isinstance(schema, list):
        return [filled(one, taken) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return (
        taken if schema.get("$ref") == REMOTE else {name: filled(one, taken) for name, one in schema.items()}
    )


@given(SCHEMAS, VALUES)
def test_what_may_fit_is_never_refused(schema, value):
    if holds(schema, value):
        assert one(schema, {"value": value}) == []


@given(SCHEMAS.filter(lambda schema: "oneOf" not in str(schema) and REMOTE not in str(schema)), VALUES)
def test_what_can_be_told_is_told(schema, value):
    assert (one(schema, {"value": value}) == []) == holds(schema, value)


DRAFT = {
    "process": {
        "id": "buffer",
        "inputs": [
            {
                "id": "geom",
                "input": {"formats": [{"mimeType": "text/xml"}]},
                "minOccurs": "1",
                "maxOccurs": "1",
            },
            {"id": "distance", "input": {"literalDataDomain": {"dataType": {"name": "xs:double"}}}},
            {"id": "name", "minOccurs": 0, "literalDataDomains": [{"dataType": "string"}]},
        ],
        "outputs": [{"id": "buffered", "output": {"formats": []}}],
    }
}


def test_a_description_of_a_draft():
    found = ProcessDescription.model_validate(DRAFT)
    assert (list(found.inputs), list(found.outputs)) == (["geom", "distance", "name"], ["buffered"])
    assert (
        validate_inputs(found, {"geom": {"value": "<gml/>", "mediaType": "text/xml"}, "distance": 3.5}) == []
    )
    assert [one.name for one in validate_inputs(found, {"distance": {"value": [1]}})] == ["distance", "geom"]
