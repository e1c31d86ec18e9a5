import pickle
import socket

import pytest

from eoflows.services.ogc_processes import InvalidInputsError, ProcessDescription, validate_inputs

REMOTE = "https://schemas.opengis.net/ogcapi/x.yaml"
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
        "has 1 values, and the process needs at least 2",
    ),
    ({"type": "integer"}, [1, "a"], {"maxOccurs": 3}, "value 2 of 2: 'a' is not of type 'integer'"),
    ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, 0, {}, "0 is less than or equal to"),
    ({"$ref": "#/$defs/a", "$defs": {"a": {"type": "string"}}}, 7, {}, "7 is not of type 'string'"),
    ({"allOf": [{"$ref": REMOTE}, {"type": "integer"}]}, "x", {}, "'x' is not of type 'integer'"),
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
