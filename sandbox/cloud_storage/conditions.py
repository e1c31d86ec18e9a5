"""Preconditions: what must hold of an object, or of its absence, for a request to be carried out."""

from collections.abc import Mapping
from dataclasses import dataclass

from eoflows.sandbox.cloud_storage.errors import refusal
from eoflows.sandbox.cloud_storage.objects import StoredObject
from eoflows.sandbox.stac.errors import Refusal

__all__ = ["NO_CONDITIONS", "Conditions"]

_NAMES = ("GenerationMatch", "GenerationNotMatch", "MetagenerationMatch", "MetagenerationNotMatch")


@dataclass(frozen=True)
class Conditions:
    """Up to four numbers. Generation 0 stands for an object that does not exist."""

    generation_match: int | None = None
    generation_not_match: int | None = None
    metageneration_match: int | None = None
    metageneration_not_match: int | None = None

    @classmethod
    def of(cls, query: Mapping[str, str], prefix: str = "if") -> "Conditions":
        """Read `ifGenerationMatch` and the like; `prefix` is `ifSource` for the source of a copy.

        Raises:
            Refusal: 400, a value is no number.
        """
        names = [f"{prefix}{name}" for name in _NAMES]
        try:
            return cls(*(None if query.get(name) is None else int(query[name]) for name in names))
        except ValueError as error:
            raise refusal(400, f"Invalid argument: {error}") from error

    def check(self, found: StoredObject | None) -> None:
        """Compare with the live object.

        Raises:
            Refusal: 412 when a value that must match does not, 304 when one that must not match does.
        """
        generation = found.generation if found else 0
        metageneration = found.metageneration if found else None
        wanted = (
            (self.generation_match, generation),
            (self.metageneration_match, metageneration),
        )
        if any(asked is not None and asked != there for asked, there in wanted):
            raise refusal(412, "At least one of the pre-conditions you specified did not hold.")
        unwanted = (
            (self.generation_not_match, generation),
            (self.metageneration_not_match, metageneration),
        )
        if any(asked is not None and asked == there for asked, there in unwanted):
            raise Refusal(304, "Not Modified")


NO_CONDITIONS = Conditions()
"""Nothing is demanded."""
