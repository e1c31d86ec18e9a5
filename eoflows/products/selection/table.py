"""Which auxiliary products a scene needs, as data: a shipped table (`tables/*.json`), or a file of yours."""

import json
from fnmatch import fnmatchcase
from importlib import resources
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AliasChoices,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from eoflows.base.errors import InvalidInputError
from eoflows.base.faults import faults_of
from eoflows.products.selection.alternatives import Finding
from eoflows.products.selection.frame import Look
from eoflows.products.selection.policy import POLICIES, PolicyName
from eoflows.products.selection.scene import Scene
from eoflows.products.selection.wanted import Wanted

__all__ = ["Alternative", "AuxiliaryInput", "SceneRule", "TaskTable", "load_table"]

Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False)]
_MARGIN_BEFORE = AliasChoices("margin_before_seconds", "dTa")
_MARGIN_AFTER = AliasChoices("margin_after_seconds", "dTb")


class _Row(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class Alternative(_Row):
    """One product type that serves; what it leaves out is the input's."""

    product_type: str = Field(min_length=1, description="Value of `product:type` at the source.")
    source: Literal["auxip", "cadip", "prip", "cdse", "earthdatahub", "catalog"] | None = Field(
        default=None, description="Where to search; the run's source if not given."
    )
    policy: PolicyName | None = Field(default=None, description="Which of the products is chosen.")
    margin_before_seconds: Seconds | None = Field(default=None, validation_alias=_MARGIN_BEFORE)
    margin_after_seconds: Seconds | None = Field(default=None, validation_alias=_MARGIN_AFTER)


class AuxiliaryInput(_Row):
    """One auxiliary input of a scene: what may serve for it, and which is chosen."""

    name: str = Field(min_length=1, description="How people call it; unique among the inputs of a rule.")
    mandatory: bool = Field(default=True, description="Whether a scene is incomplete without it.")
    policy: PolicyName = Field(default=PolicyName.LATEST_VAL_COVER, description="Which product is chosen.")
    margin_before_seconds: Seconds = Field(
        default=0, validation_alias=_MARGIN_BEFORE, description="Seconds added before the scene (dTa, dT0)."
    )
    margin_after_seconds: Seconds = Field(
        default=0, validation_alias=_MARGIN_AFTER, description="Seconds added after the scene (dTb, dT1)."
    )
    look_before_seconds: Seconds | None = Field(
        default=None, description="How far before the interval such a policy looks; its usual if not given."
    )
    look_after_seconds: Seconds | None = Field(default=None, description="The same after the interval.")
    platform: Literal["scene", "any"] = Field(
        default="scene", description="Whether the product must be of the scene's satellite."
    )
    next_when: frozenset[Literal[Finding.ABSENT, Finding.UNREACHABLE, Finding.REFUSED]] = Field(
        default=frozenset({Finding.ABSENT}),
        description="After which findings the next alternative is tried; without `unreachable`, a source "
        "that does not answer never yields to the second best.",
    )
    alternatives: tuple[Alternative, ...] = Field(min_length=1, description="The preferred first.")
    note: str = Field(default="", description="Where the row comes from.")

    @model_validator(mode="after")
    def _looks(self) -> "AuxiliaryInput":
        policies = {alternative.policy or self.policy for alternative in self.alternatives}
        blind = sorted(policy for policy in policies if POLICIES[policy].look is None)
        if blind and (self.look_before_seconds, self.look_after_seconds) != (None, None):
            raise ValueError(f"{', '.join(blind)} does not look beyond the interval; leave the look out")
        return self

    def wanted(self, alternative: Alternative, scene: Scene) -> Wanted:
        """Give what is looked for, for one alternative and scene.

        Raises:
            InvalidInputError: The product must be of the scene's satellite, and which that is is not known.
        """
        if self.platform == "scene" and scene.platform is None:
            raise InvalidInputError(
                f"{self.name} must be of the scene's satellite, and {scene.mission} does not say which; give "
                f"the mission like {scene.mission}a"
            )
        before, after = alternative.margin_before_seconds, alternative.margin_after_seconds
        policy = alternative.policy or self.policy
        return Wanted(
            alternative.product_type,
            scene.interval,
            policy=policy,
            margin_before=self.margin_before_seconds if before is None else before,
            margin_after=self.margin_after_seconds if after is None else after,
            platform=scene.platform if self.platform == "scene" else None,
            look=Look.given(self.look_before_seconds, self.look_after_seconds, POLICIES[policy].look),
        )


class SceneRule(_Row):
    """The inputs of some product types of a mission."""

    mission: str = Field(pattern=r"^sentinel-\d+$", description="Like `sentinel-1`.")
    product_types: tuple[str, ...] = Field(
        min_length=1, description="Product types of scenes, with * and ? as wildcards; case matters."
    )
    inputs: tuple[AuxiliaryInput, ...] = Field(min_length=1, description="What such a scene needs.")
    note: str = Field(default="", description="What the rule is for, and where it comes from.")

    @field_validator("inputs")
    @classmethod
    def _distinct(cls, value: tuple[AuxiliaryInput, ...]) -> tuple[AuxiliaryInput, ...]:
        names = [one.name for one in value]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise ValueError(f"has {', '.join(twice)} twice")
        return value

    def matches(self, mission: str, product_type: str) -> bool:
        """Whether the rule is for these scenes."""
        return self.mission == mission and any(
            fnmatchcase(product_type, pattern) for pattern in self.product_types
        )


class TaskTable(_Row):
    """Which auxiliary products scenes need."""

    title: str = Field(description="What the table is.")
    rules: tuple[SceneRule, ...] = Field(min_length=1, description="The first rule that matches is taken.")

    def inputs(self, scene: Scene) -> tuple[AuxiliaryInput, ...]:
        """Give the inputs of a scene.

        Raises:
            InvalidInputError: No rule is for its product type.
        """
        for rule in self.rules:
            if rule.matches(scene.mission, scene.product_type):
                return rule.inputs
        known = [", ".join(rule.product_types) for rule in self.rules if rule.mission == scene.mission]
        raise InvalidInputError(
            f"the table has no rule for {scene.mission} {scene.product_type}; for this mission it has "
            f"{'; '.join(known) or 'none'}"
        )


def load_table(where: str = "sentinel") -> TaskTable:
    """Load a table.

    Args:
        where: Name of a table that is shipped (`sentinel`), or path of a JSON file.

    Raises:
        InvalidInputError: There is no such table, it is no JSON, or a value in it is wrong; the message
            says where.
    """
    text = _text(where)
    try:
        return TaskTable.model_validate(json.loads(text))
    except json.JSONDecodeError as error:
        raise InvalidInputError(f"table {where!r} is no JSON: {error}") from error
    except ValidationError as error:
        raise InvalidInputError(f"table {where!r} cannot be used: {faults_of(error)}") from error


def _text(where: str) -> str:
    shipped = {
        entry.name.removesuffix(".json"): entry
        for entry in resources.files("eoflows.products.selection").joinpath("tables").iterdir()
        if entry.name.endswith(".json")
    }
    if where in shipped:
        return shipped[where].read_text(encoding="utf-8")
    try:
        return Path(where).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidInputError(
            f"there is no table {where!r}: it is neither a readable file nor one of "
            f"{', '.join(sorted(shipped))} ({error})"
        ) from error
