"""The named templates: one class for each row of `eoflows.services.up42.templates.NAMED`.

A process that has no row here is had with `eoflows.services.up42.template_of`.
"""

from eoflows.services.up42.job_templates import (
    JobTemplate,
    MultiItemJobTemplate,
    SingleItemJobTemplate,
    class_of,
)
from eoflows.services.up42.templates import NAMED, GreyWeight

__all__ = [
    "CoregistrationSimularity",
    "DetectionAircraftOI",
    "DetectionBuildingsSpacept",
    "DetectionCarsOI",
    "DetectionChangeSimularity",
    "DetectionShadowsSpacept",
    "DetectionShipsAirbus",
    "DetectionStorageTanksAirbus",
    "DetectionTreesSpacept",
    "DetectionTrucksOI",
    "DetectionWindTurbinesAirbus",
    "GreyWeight",
    "JobTemplate",
    "MultiItemJobTemplate",
    "OrthorectificationIntermap",
    "Pansharpening",
    "SingleItemJobTemplate",
    "TrueColorConversion",
    "UpsamplingNS",
    "UpsamplingNSSentinel",
]


def _named(name: str) -> type[JobTemplate]:
    return class_of(NAMED[name], module=__name__)


CoregistrationSimularity = _named("CoregistrationSimularity")
DetectionAircraftOI = _named("DetectionAircraftOI")
DetectionBuildingsSpacept = _named("DetectionBuildingsSpacept")
DetectionCarsOI = _named("DetectionCarsOI")
DetectionChangeSimularity = _named("DetectionChangeSimularity")
DetectionShadowsSpacept = _named("DetectionShadowsSpacept")
DetectionShipsAirbus = _named("DetectionShipsAirbus")
DetectionStorageTanksAirbus = _named("DetectionStorageTanksAirbus")
DetectionTreesSpacept = _named("DetectionTreesSpacept")
DetectionTrucksOI = _named("DetectionTrucksOI")
DetectionWindTurbinesAirbus = _named("DetectionWindTurbinesAirbus")
OrthorectificationIntermap = _named("OrthorectificationIntermap")
Pansharpening = _named("Pansharpening")
TrueColorConversion = _named("TrueColorConversion")
UpsamplingNS = _named("UpsamplingNS")
UpsamplingNSSentinel = _named("UpsamplingNSSentinel")
