"""A scene that auxiliary products are staged for: mission, satellite, product type and sensing time."""

import re
from dataclasses import dataclass
from datetime import datetime

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import Interval, parse_utc
from eoflows.stores.stac.items import ItemDict, product_type, validity

__all__ = ["Scene"]

_TIME = r"\d{8}T\d{6}"
_NAMES = (
    # S1A_IW_RAW__0SDV_<start>_<stop>_...: the type is IW_RAW__0S, without polarisation (ETAD: IW_ETA__AX)
    re.compile(
        rf"S(?P<mission>1)(?P<unit>[A-Z])_(?P<type>\w\w_[A-Z]{{3}}[FHM_]_[\dA][A-Z_])\w\w_"
        rf"(?P<start>{_TIME})_(?P<stop>{_TIME})_"
    ),
    # S3A_OL_0_EFR____<start>_<stop>_<created>_...
    re.compile(rf"S(?P<mission>3)(?P<unit>[A-Z])_(?P<type>\w{{11}})_(?P<start>{_TIME})_(?P<stop>{_TIME})_"),
    # S2A_MSIL1C_<start>_..., S2A_OPER_MSI_L0__DS_2BPS_<created>_S<start>_...: no end in the name
    re.compile(rf"S(?P<mission>2)(?P<unit>[A-Z])_(?P<type>MSIL\d[A-Z])_(?P<start>{_TIME})_"),
    re.compile(rf"S(?P<mission>2)(?P<unit>[A-Z])_OPER_(?P<type>MSI_\w{{6}})_.*_S(?P<start>{_TIME})"),
    # S2A_OPER_MSI_L1C_TL_SGS__<created>_A002745_T32TLQ_N02.01: only when it was made, within hours
    re.compile(
        rf"S(?P<mission>2)(?P<unit>[A-Z])_OPER_(?P<type>MSI_L\w\w_TL)_\w{{4}}_(?P<start>{_TIME})_A\d{{6}}"
    ),
    # S2A_OPER_PRD_MSIL1C_PDMC_<created>_R050_V<start>_<stop>: products until 2016; and telemetry
    re.compile(
        rf"S(?P<mission>2)(?P<unit>[A-Z])_OPER_PRD_(?P<type>MSIL\d[A-Z])_\w{{4}}_{_TIME}_.*"
        rf"V(?P<start>{_TIME})_(?P<stop>{_TIME})"
    ),
    re.compile(
        rf"S(?P<mission>2)(?P<unit>[A-Z])_OPER_(?P<type>PRD_HKTM_)_(?P<start>{_TIME})_(?P<stop>{_TIME})_"
    ),
)
_MISSION = re.compile(r"(?P<name>sentinel-\d+)(?P<unit>[a-z]?)")


@dataclass(frozen=True)
class Scene:
    """What auxiliary products are chosen for.

    Attributes:
        mission: Like `sentinel-1`.
        platform: Satellite like `sentinel-1a`, or None where it is not known.
        product_type: Like `IW_RAW__0S`, `S2MSI1C` or `OL_0_EFR___`.
        interval: When it was sensed.
        name: How people call it; may be empty.
    """

    mission: str
    platform: str | None
    product_type: str
    interval: Interval
    name: str = ""

    @classmethod
    def from_name(cls, name: str) -> "Scene":
        """Read a product name (SAFE, SEN3), with or without suffix.

        Most Sentinel-2 names tell no end: such a scene is the instant of its start. The name of a tile
        (TL) tells only when it was made, which is taken for that.

        Raises:
            InvalidInputError: It follows no known grammar.
        """
        found = next(filter(None, (grammar.match(name) for grammar in _NAMES)), None)
        if found is None:
            raise InvalidInputError(
                f"{name[:120]!r} is no Sentinel-1, -2 or -3 product name; give start, end, mission and "
                "product type, or the catalogue collection that has it"
            )
        mission = f"sentinel-{found['mission']}"
        kind = found["type"].replace("MSIL", "S2MSI") if found["type"].startswith("MSIL") else found["type"]
        start = parse_utc(found["start"])
        stop = parse_utc(found.groupdict().get("stop") or found["start"])
        return cls(mission, mission + found["unit"].lower(), kind, Interval(start, stop), name)

    @classmethod
    def from_item(cls, item: ItemDict) -> "Scene":
        """Read a catalogued item; its properties are believed, not its name.

        Raises:
            InvalidInputError: Its times, platform or product type are missing or cannot be read.
        """
        kind, platform = product_type(item), str(item["properties"].get("platform") or "").lower()
        if kind is None:
            raise InvalidInputError(f"item {item['id']!r} has no product:type")
        return cls(*_mission(platform, f"item {item['id']!r}"), kind, validity(item), item["id"])

    def changed(
        self,
        start: datetime | str | None,
        end: datetime | str | None,
        mission: str | None,
        product_type: str | None,
    ) -> "Scene":
        """Give the scene with what is given in place of its own.

        Raises:
            InvalidInputError: A time cannot be read, the end is before the start, or the mission is none.
        """
        name, platform = _mission(mission, "mission") if mission else (self.mission, self.platform)
        interval = Interval.parse(start or self.interval.start, end or self.interval.end)
        return Scene(name, platform, product_type or self.product_type, interval, self.name)

    @classmethod
    def described(
        cls,
        start: datetime | str | None,
        end: datetime | str | None,
        mission: str | None,
        product_type: str | None,
    ) -> "Scene":
        """Give a scene that has no name.

        Raises:
            InvalidInputError: Something is missing or cannot be read.
        """
        given = {"start": start, "end": end, "mission": mission, "product type": product_type}
        missing = [name for name, value in given.items() if not value]
        if missing or not (start and end and mission and product_type):
            raise InvalidInputError(f"there is no scene, and without one {', '.join(missing)} must be given")
        return cls(*_mission(mission, "mission"), product_type, Interval.parse(start, end))

    def __str__(self) -> str:
        return self.name or f"{self.platform or self.mission} {self.product_type} {self.interval}"


def _mission(text: str, what: str) -> tuple[str, str | None]:
    found = _MISSION.fullmatch(text.lower())
    if found is None:
        raise InvalidInputError(f"{what} has platform {text!r}; it must be like sentinel-1 or sentinel-1a")
    return found["name"], found[0] if found["unit"] else None
