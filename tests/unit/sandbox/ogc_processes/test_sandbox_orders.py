import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.sandbox.ogc_processes.orders import Reference, read_order, runs_async
from eoflows.sandbox.ogc_processes.problems import Problem
from eoflows.sandbox.ogc_processes.processes import PROCESSES
from eoflows.sandbox.ogc_processes.settings import OgcProcessesSettings

ECHO, NDVI = PROCESSES[0], PROCESSES[1]
WORDS = st.sampled_from(
    [
        *("message", "values", "area", "binary", "value", "href", "bbox", "x"),
        *("echo", "format", "mediaType", "transmissionMode", "successUri"),
    ]
)


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5)
ANY = st.recursive(
    PLAIN, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=4), max_leaves=8
)


def order(process=ECHO, **document):
    return read_order(process, document)


def test_values_of_every_form():
    text = base64.b64encode(b"abc").decode()
    found = order(
        inputs={
            "message": {"value": "a", "mediaType": "text/plain"},
            "values": [1, {"value": 2}],
            "many": {"href": "http://there/x"},
            "document": {"value": {"a": {"href": "inner"}}},
            "binary": {"value": text, "encoding": "base64", "mediaType": "image/tiff"},
            "area": {"bbox": [0, 1, 2, 3]},
        }
    )
    assert found.values == {
        "message": "a",
        "values": [1, 2],
        "many": [Reference("http://there/x")],
        "document": {"a": {"href": "inner"}},
        "binary": b"abc",
        "area": {"bbox": [0, 1, 2, 3]},
    }
    assert found.outputs == {"echo": (None, False)}
    assert (found.response, found.subscriber) == ("raw", {})


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ({}, "'message' occurs 0 times, not 1 to 1"),
        ({"inputs": []}, "must be objects"),
        ({"inputs": {"message": ""}}, "'message': '' should be non-empty"),
        ({"inputs": {"message": "a", "nonsense": 1}}, "'nonsense' is unknown"),
        ({"inputs": {"message": "a", "values": [1, 2, 3, 4]}}, "occurs 4 times, not 0 to 3"),
        ({"inputs": {"message": "a", "number": 101}}, "greater than the maximum"),
        ({"inputs": {"message": "a", "document": {"b": 1}}}, "qualified value"),
        ({"inputs": {"message": "a", "area": {"bbox": [1]}}}, "too short at bbox"),
        ({"inputs": {"message": "a", "binary": "?"}}, "no base64"),
        ({"inputs": {"message": "a"}, "response": "x"}, "response is raw or document, not 'x'"),
        ({"inputs": {"message": "a"}, "outputs": {"x": {}}}, "output 'x' is unknown"),
        ({"inputs": {"message": "a"}, "outputs": {"echo": {"transmissionMode": "x"}}}, "not 'x'"),
        ({"inputs": {"message": "a"}, "subscriber": {"failedUri": "http://x"}}, "successUri"),
    ],
)
def test_what_is_refused(document, told):
    with pytest.raises(Problem) as caught:
        order(**document)
    assert caught.value.status == 400
    assert told in caught.value.detail


def test_every_fault_of_a_request_is_told_at_once():
    with pytest.raises(Problem) as caught:
        order(inputs={"message": 1, "number": "x", "colour": "mauve"})
    assert [f"'{name}'" in caught.value.detail for name in ("message", "number", "colour")] == [True] * 3


def test_bare_objects_by_setting():
    inputs = {"message": "a", "document": {"b": 1}}
    assert read_order(ECHO, {"inputs": inputs}, bare_objects=True).values["document"] == {"b": 1}


def test_outputs_by_format_and_mode():
    scene = {"value": {"width": 1, "height": 1, "red": [1], "nir": [2]}}
    asked = {"ndvi": {"format": {"mediaType": "image/png"}, "transmissionMode": "reference"}}
    assert order(NDVI, inputs={"scene": scene}, outputs=asked).outputs == {"ndvi": ("image/png", True)}


@pytest.mark.parametrize(
    ("prefer", "modes", "changes", "asynchronous"),
    [
        ("", "both", {}, False),
        ("respond-async", "both", {}, True),
        ("Respond-Async; wait=5", "both", {}, True),
        ("wait=5, respond-async", "both", {}, True),
        ("return=minimal", "both", {}, False),
        ("", "async", {}, True),
        ("respond-async", "sync", {}, False),
        ("respond-async", "both", {"async_answer": "sync"}, False),
        ("respond-async", "both", {"prefer_parsing": "whole"}, True),
        ("respond-async, wait=5", "both", {"prefer_parsing": "whole"}, False),
    ],
)
def test_the_mode_of_an_execution(prefer, modes, changes, asynchronous):
    assert runs_async(prefer, modes, OgcProcessesSettings(**changes)) is asynchronous


@given(
    st.fixed_dictionaries({}, optional=dict.fromkeys(("inputs", "outputs", "response", "subscriber"), ANY))
    | ANY
)
def test_no_document_breaks_the_reader(document):
    problem = None
    try:
        read_order(ECHO, document)
    except Problem as error:
        problem = error
    inputs = document.get("inputs", {}) if isinstance(document, dict) else {}
    if problem is None:
        assert "message" in inputs
    else:
        assert problem.status == 400
        assert problem.detail
