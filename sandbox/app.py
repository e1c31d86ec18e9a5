"""All services on one server."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.applications import Starlette

from sandbox.access import Gate
from sandbox.admin import admin_routes
from sandbox.cdse import Cdse
from sandbox.faults import FaultBook
from sandbox.generated import auxiliary_products, level0_products, sessions
from sandbox.loaded import load_products
from sandbox.log import RequestLog
from sandbox.oauth2 import TokenStore, token_routes
from sandbox.origins import Origins
from sandbox.products import Product, Session
from sandbox.recorder import Recorder
from sandbox.rs_server.catalogue import Catalogue
from sandbox.rs_server.catalogue_store import CatalogueStore
from sandbox.rs_server.stations import Station
from sandbox.settings import SandboxSettings, StationSettings
from sandbox.stac.errors import Refusal, answer_refusal

__all__ = ["Services", "build_app"]


@dataclass(frozen=True)
class Services:
    """The state behind the server."""

    log: RequestLog
    faults: FaultBook
    tokens: TokenStore
    stations: Mapping[str, Station]
    cdse: Cdse
    catalogue: CatalogueStore
    app: Recorder


def build_app(settings: SandboxSettings, origins: Origins) -> Services:
    """Build the services and fill them with products."""
    log, faults, tokens = RequestLog(settings.log_capacity), FaultBook(), TokenStore(settings)
    origins.expire_tokens = tokens.expire_all
    gate = Gate(settings.keys, tokens)
    stations = {
        name: Station(name, settings.stations.get(name, StationSettings()), collections, gate, origins)
        for name, collections in settings.collections.items()
    }
    cdse = Cdse(settings.cdse, gate)
    store = CatalogueStore(settings)
    catalogue = Catalogue(settings.catalogue, store, gate)
    _fill(settings, stations, cdse)
    starlette = Starlette(
        routes=[
            *admin_routes(log, faults, origins),
            *token_routes(tokens, ("/oauth2/token",)),
            *(route for service in (*stations.values(), cdse, catalogue) for route in service.routes()),
        ],
        exception_handlers={Refusal: answer_refusal},
    )
    app = Recorder(starlette, log, faults, origins)
    return Services(log, faults, tokens, stations, cdse, store, app)


def _fill(settings: SandboxSettings, stations: Mapping[str, Station], cdse: Cdse) -> None:
    span = (settings.start, settings.days, settings.seed)
    auxiliary, level0 = auxiliary_products(*span), level0_products(*span)
    for path in settings.load:
        auxiliary += load_products(path, scale=settings.scale, published_from=settings.published_from)
    offers: dict[str, Sequence[Product | Session]] = {
        "auxip": auxiliary,
        "prip": level0,
        "cadip": sessions(*span),
    }
    for name, station in stations.items():
        station.add(*offers[name])
    cdse.add([*auxiliary, *level0])
