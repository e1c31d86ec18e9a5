"""Processes of a real pygeoapi; runs in its environment, found by PYTHONPATH."""

import time

from pygeoapi.process.base import BaseProcessor, ProcessorExecuteError


def _described(name, inputs, outputs):
    return {
        "version": "1.0.0",
        "id": name,
        "title": {"en": name},
        "description": {"en": f"The process {name} of the tests"},
        "jobControlOptions": ["sync-execute", "async-execute"],
        "keywords": ["test"],
        "links": [],
        "inputs": inputs,
        "outputs": outputs,
        "example": {"inputs": {}},
    }


def _input(schema, *, least=1):
    return {"title": "An input", "schema": schema, "minOccurs": least, "maxOccurs": 1}


_OBJECT = {"title": "A document", "schema": {"type": "object", "contentMediaType": "application/json"}}


class Mirror(BaseProcessor):
    """Gives its inputs back, or bytes."""

    def __init__(self, definition):
        inputs = {
            "message": _input({"type": "string"}),
            "number": _input({"type": "number", "minimum": 0}, least=0),
            "document": _input({"type": "object"}, least=0),
            "as_bytes": _input({"type": "boolean"}, least=0),
        }
        super().__init__(definition, _described("mirror", inputs, {"mirror": _OBJECT}))

    def execute(self, data, outputs=None):
        if "message" not in data:
            raise ProcessorExecuteError("Cannot mirror without a message")
        if data.get("as_bytes"):
            return "application/octet-stream", data["message"].encode()
        return "application/json", {"mirror": data}


class Slow(BaseProcessor):
    """Sleeps, and leaves a file so that a test sees whether it came to its end."""

    def __init__(self, definition):
        inputs = {"seconds": _input({"type": "number"}), "mark": _input({"type": "string"}, least=0)}
        super().__init__(definition, _described("slow", inputs, {"slept": _OBJECT}))

    def execute(self, data, outputs=None):
        time.sleep(data["seconds"])
        if "mark" in data:
            with open(data["mark"], "w", encoding="utf-8") as file:
                file.write("done")
        return "application/json", {"slept": data["seconds"]}


class Failing(BaseProcessor):
    """Fails with the message given."""

    def __init__(self, definition):
        inputs = {"message": _input({"type": "string"}, least=0)}
        super().__init__(definition, _described("failing", inputs, {"nothing": _OBJECT}))

    def execute(self, data, outputs=None):
        raise ProcessorExecuteError(data.get("message", "It failed"))
