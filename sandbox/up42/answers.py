"""How the service says no."""

from collections.abc import Mapping
from typing import Any

from eoflows.sandbox.stac.errors import Refusal

__all__ = ["problem"]


def problem(status: int, title: str, headers: Mapping[str, str] | None = None, /, **more: Any) -> Refusal:
    """Return a refusal as UP42 words it: `title`, `status` and what else there is to say."""
    return Refusal(status, title, headers, document={"title": title, "status": status, **more})
