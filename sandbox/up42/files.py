"""Files behind STAC assets."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from eoflows.sandbox.bodies import Content

__all__ = ["StoredFile"]


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """One file in storage."""

    id: str
    """Identifier in `/v2/assets/{id}/download-url`."""
    account: str
    stem: str
    """Name without suffix."""
    suffix: str
    """`.tif` and the like."""
    content: Content
    created: datetime
    title: str
    media_type: str
    roles: tuple[str, ...]

    def asset(self, api: str, *, checksums: bool) -> Mapping[str, Any]:
        """Return the STAC asset, whose href is below the address of the API."""
        facts = {"file:size": self.content.size, "file:checksum": f"d50110{self.content.md5}"}
        return {
            "href": f"{api}/v2/assets/{self.id}",
            "title": self.title,
            "type": self.media_type,
            "roles": list(self.roles),
            **(facts if checksums else {}),
        }
