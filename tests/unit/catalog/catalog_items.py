"""Items for tests."""

from typing import Any


def aux(name: str, start: str | None = None, end: str | None = None, **properties: Any) -> dict[str, Any]:
    properties = {key.replace("__", ":"): value for key, value in properties.items()}
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "id": name,
        "geometry": properties.pop("geometry", None),
        "links": [{"rel": "self", "href": "https://station.example/items/x"}],
        "properties": {"datetime": start, "start_datetime": start, "end_datetime": end, **properties},
        "assets": {
            f"{name}.EOF": {"href": f"file:///data/{name}.EOF", "file:size": 7, "file:checksum": "d501aa"}
        },
    }
