"""All services on one server."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from starlette.applications import Starlette

from eoflows.sandbox.access import Gate
from eoflows.sandbox.admin import admin_routes
from eoflows.sandbox.cdse import Cdse
from eoflows.sandbox.cloud_storage.accounts import GoogleAccounts
from eoflows.sandbox.cloud_storage.service import CloudStorage
from eoflows.sandbox.dummy import Dummy
from eoflows.sandbox.earth_engine.admin import earth_engine_admin_routes
from eoflows.sandbox.earth_engine.service import EarthEngine
from eoflows.sandbox.faults import FaultBook
from eoflows.sandbox.generated import auxiliary_products, level0_products, sessions
from eoflows.sandbox.geo_engine.mount import GeoEngineMount
from eoflows.sandbox.loaded import load_products
from eoflows.sandbox.log import RequestLog
from eoflows.sandbox.oauth2 import TokenStore, token_routes
from eoflows.sandbox.ogc_processes.access import Door
from eoflows.sandbox.ogc_processes.service import OgcProcesses
from eoflows.sandbox.origins import Origins
from eoflows.sandbox.products import Product, Session
from eoflows.sandbox.recorder import Recorder
from eoflows.sandbox.rs_server.catalogue import Catalogue
from eoflows.sandbox.rs_server.catalogue_store import CatalogueStore
from eoflows.sandbox.rs_server.staging import Staging
from eoflows.sandbox.rs_server.stations import Station
from eoflows.sandbox.settings import SandboxSettings, StationSettings
from eoflows.sandbox.stac.errors import Refusal, answer_refusal
from eoflows.sandbox.up42.admin import up42_admin_routes
from eoflows.sandbox.up42.auth import Tokens
from eoflows.sandbox.up42.service import Up42, up42_regions

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
    staging: Staging
    ogc_processes: Mapping[str, OgcProcesses]
    up42: Mapping[str, Up42]
    geo_engine: GeoEngineMount
    dummy: Dummy
    cloud_storage: CloudStorage
    earth_engine: EarthEngine


def build_app(settings: SandboxSettings, origins: Origins) -> Services:
    """Build the services and fill them with products."""
    log, faults = RequestLog(settings.log_capacity), FaultBook()
    tokens = TokenStore(
        users=settings.users,
        clock=settings.clock,
        seed=settings.seed,
        lifetime=settings.token_lifetime,
        refresh_lifetime=settings.refresh_lifetime,
    )
    gate = Gate(settings.keys, tokens)
    stations = {
        name: Station(name, settings.stations.get(name, StationSettings()), collections, gate, origins)
        for name, collections in settings.collections.items()
    }
    cdse = Cdse(settings.cdse, gate)
    store = CatalogueStore(settings)
    catalogue = Catalogue(settings.catalogue, store, gate)
    up42 = up42_regions(settings.up42, settings.clock, origins, settings.seed)
    geo_engine = GeoEngineMount(settings.geo_engine, settings.clock)
    dummy = Dummy(settings.dummy, settings.clock)
    google = GoogleAccounts(settings.clock, origins, settings.token_lifetime)
    cloud_storage = CloudStorage(settings.cloud_storage, google, settings.clock)
    earth_engine = EarthEngine(settings.earth_engine, settings.clock, settings.seed, cloud_storage)
    origins.expire_tokens = _expiry(tokens, geo_engine, google, *(region.tokens for region in up42.values()))
    staging = Staging(settings, gate, origins)
    door = Door(settings.keys, settings.users, tokens)
    ogc_processes = {
        prefix: OgcProcesses(prefix, one, door, settings.clock, tokens, origins)
        for prefix, one in settings.ogc_processes.items()
    }
    _fill(settings, stations, cdse)
    starlette = Starlette(
        routes=[
            *admin_routes(log, faults, origins),
            *token_routes(tokens, ("/oauth2/token",)),
            *(route for service in (*stations.values(), cdse, catalogue) for route in service.routes()),
            *geo_engine.routes(),
            *dummy.routes(),
            *staging.routes(),
            *google.routes(),
            *cloud_storage.routes(),
            *earth_engine.routes(),
            *earth_engine_admin_routes(earth_engine),
            *(route for server in ogc_processes.values() for route in server.routes()),
            *(route for region in up42.values() for route in (*region.routes(), *up42_admin_routes(region))),
        ],
        exception_handlers={Refusal: answer_refusal},
    )
    app = Recorder(starlette, log, faults, origins)
    return Services(
        log,
        faults,
        tokens,
        stations,
        cdse,
        store,
        app,
        staging=staging,
        ogc_processes=ogc_processes,
        up42=up42,
        geo_engine=geo_engine,
        dummy=dummy,
        cloud_storage=cloud_storage,
        earth_engine=earth_engine,
    )


def _expiry(*stores: TokenStore | Tokens | GeoEngineMount | GoogleAccounts) -> Callable[[], None]:
    def expire() -> None:
        for store in stores:
            store.expire_all()

    return expire


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
