"""Generated products: every type and name grammar of the stations, and the traps of the real ones."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from itertools import chain

from eoflows.sandbox.products import OPEN_END, Chunk, Product, Session

__all__ = ["auxiliary_products", "level0_products", "sessions"]

_DAY = timedelta(days=1)
_HOUR = timedelta(hours=1)
_DISAGREES_EVERY = 11
_EVICTED_EVERY = 7
_DUPLICATE_EVERY = 5


def auxiliary_products(start: date, days: int, seed: int = 0) -> list[Product]:
    """Return the auxiliary products of a span of days, ordered by publication.

    Args:
        start: First day.
        days: Number of days.
        seed: Another seed gives other sizes, identifiers and bodies.
    """
    if days <= 0:
        return []
    begin = datetime(start.year, start.month, start.day, tzinfo=UTC)
    makers = (_poeorb, _resorb, _preorb, _orbpre, _orbsct, _obmemc, _ecmwfd, _pp2, _osf)
    made = [
        _with_traps(product, number)
        for maker in makers
        for number, product in enumerate(_seeded(maker, begin, days, seed), start=1)
    ]
    return sorted([*made, _wrong_type(begin, seed)], key=lambda product: (product.published, product.name))


def _seeded(
    maker: Callable[[datetime, int, random.Random], Iterator[Product]], begin: datetime, days: int, seed: int
) -> Iterator[Product]:
    for product in maker(begin, days, random.Random(f"{seed}:{maker.__name__}")):
        yield replace(product, seed=seed)


def _with_traps(product: Product, number: int) -> Product:
    if number % _DISAGREES_EVERY == 0:
        product = replace(product, start=product.published, end=product.published + timedelta(seconds=10))
    if number % _EVICTED_EVERY == 0:
        product = replace(product, evicted=product.published)
    return replace(product, duplicate_extensions=number % _DUPLICATE_EVERY == 0)


def _wrong_type(begin: datetime, seed: int) -> Product:
    """A name that says PREORB and a product type that says AUX_PP2, as in a real catalogue item."""
    moment = begin + timedelta(hours=6, minutes=27, seconds=32)
    return Product(
        name=f"S1A_OPER_AUX_PREORB_OPOD_{_t(moment)}_V{_t(moment)}_{_t(moment)}.EOF",
        product_type="AUX_PP2",
        platform="sentinel-1a",
        start=moment,
        end=moment + timedelta(seconds=10),
        created=moment,
        published=moment + _HOUR,
        size=20_000,
        seed=seed,
    )


def _t(moment: datetime) -> str:
    return "99999999T999999" if moment == OPEN_END else f"{moment:%Y%m%dT%H%M%S}"


def _publication(created: datetime, chance: random.Random) -> datetime:
    return created + timedelta(minutes=chance.randint(3, 90), milliseconds=chance.randrange(1000))


def _poeorb(begin: datetime, days: int, chance: random.Random) -> Iterator[Product]:
    for day in range(days):
        for unit in "AC":
            start = begin + day * _DAY - timedelta(hours=1, seconds=18)
            stop = start + _DAY + 2 * _HOUR
            created = begin + (day + 20) * _DAY + timedelta(hours=12, minutes=6, seconds=chance.randrange(60))
            yield Product(
                name=f"S1{unit}_OPER_AUX_POEORB_OPOD_{_t(created)}_V{_t(start)}_{_t(stop)}.EOF",
                product_type="AUX_POEORB",
                platform=f"sentinel-1{unit.lower()}",
                start=start,
                end=stop,
                created=created,
                published=_publication(created, chance),
                size=chance.randint(280_000, 320_000),
            )


def _orbit(
    kind: str, period: timedelta, validity: timedelta, delay: timedelta, size: int
) -> Callable[[datetime, int, random.Random], Iterator[Product]]:
    def make(begin: datetime, days: int, chance: random.Random) -> Iterator[Product]:
        for number in range(int(days * _DAY / period)):
            start = begin + number * period + timedelta(seconds=chance.randrange(120))
            stop = start + validity
            created = start + delay
            yield Product(
                name=f"S1A_OPER_{kind}_OPOD_{_t(created)}_V{_t(start)}_{_t(stop)}.EOF",
                product_type=f"OPER_{kind}_OPOD",
                platform="sentinel-1a",
                start=start,
                end=stop,
                created=created,
                published=_publication(created, chance),
                size=chance.randint(size // 2, size),
            )

    make.__name__ = kind
    return make


_resorb = _orbit("AUX_RESORB", 3 * _HOUR, timedelta(hours=3, minutes=17, seconds=30), 4 * _HOUR, 120_000)
_preorb = _orbit("AUX_PREORB", 6 * _HOUR, timedelta(hours=6, minutes=35), timedelta(0), 50_000)


def _orbpre(begin: datetime, days: int, chance: random.Random) -> Iterator[Product]:
    for day in range(days):
        start = begin + day * _DAY
        stop = start + 7 * _DAY
        yield _plan(f"S1A_OPER_MPL_ORBPRE_{_t(start)}_{_t(stop)}_0001.EOF", start, stop, 60_000, chance)


def _orbsct(begin: datetime, days: int, chance: random.Random) -> Iterator[Product]:
    for number, day in enumerate(range(0, days, 7), start=25):
        start = begin + day * _DAY + timedelta(hours=15, minutes=7, seconds=4)
        name = f"S1A_OPER_MPL_ORBSCT_{_t(start)}_{_t(OPEN_END)}_{number:04d}.EOF"
        yield _plan(name, start, OPEN_END, 1_500_000, chance)


def _plan(name: str, start: datetime, stop: datetime, size: int, chance: random.Random) -> Product:
    return Product(
        name=name,
        product_type=name[4:19],
        platform="sentinel-1a",
        start=start,
        end=stop,
        created=start - _HOUR,
        published=_publication(start - _HOUR, chance),
        facility="FOS",
        size=chance.randint(size // 2, size),
    )


def _obmemc(begin: datetime, days: int, chance: random.Random) -> Iterator[Product]:
    for day in range(days):
        start = begin + day * _DAY
        yield Product(
            name=f"S1A_OPER_AUX_OBMEMC_PDMC_{_t(start)}.xml",
            product_type="OPER_AUX_OBMEMC_PDMC",
            platform="sentinel-1a",
            start=start,
            end=start + _DAY,
            created=start,
            published=_publication(start, chance),
            facility="FOS",
            size=chance.randint(20_000, 60_000),
        )


def _ecmwfd(begin: datetime, days: int, chance: random.Random) -> Iterator[Product]:
    for half_day in range(2 * days):
        created = begin + half_day * 12 * _HOUR
        start, stop = created + 21 * _HOUR, created + 33 * _HOUR
        yield Product(
            name=f"S2__OPER_AUX_ECMWFD_PDMC_{_t(created)}_V{_t(start)}_{_t(stop)}.TGZ",
            product_type="OPER_AUX_ECMWFD_PDMC",
            platform="sentinel-2a",
            start=start,
            end=stop,
            created=created,
            published=_publication(created, chance),
            facility="FOS",
            size=chance.randint(40_000, 200_000),
        )


def _pp2(begin: datetime, days: int, chance: random.Random) -> Iterator[Product]:
    for day in range(0, days, 10):
        start = begin + day * _DAY + 8 * _HOUR
        yield Product(
            name=f"S1A_AUX_PP2_V{_t(start)}_G{_t(start)}.SAFE",
            product_type="AUX_PP2",
            platform="sentinel-1a",
            start=start,
            end=OPEN_END,
            created=start,
            published=_publication(start, chance),
            facility="FOS",
            size=chance.randint(400_000, 900_000),
        )


def _osf(begin: datetime, days: int, chance: random.Random) -> Iterator[Product]:
    first = {
        "A": datetime(2016, 2, 16, 19, 24, 4, tzinfo=UTC),
        "B": datetime(2018, 4, 25, 17, 57, 7, tzinfo=UTC),
    }
    for day in range(0, days, 4):
        for unit, start in first.items():
            created = begin + day * _DAY + timedelta(hours=9, minutes=6, seconds=chance.randrange(60))
            yield Product(
                name=f"S3{unit}_AX___OSF_AX_{_t(start)}_99991231T235959_{_t(created)}"
                "___________________EUM_O_AL_001.SEN3.zip",
                product_type="AX___OSF_AX",
                platform=f"sentinel-3{unit.lower()}",
                start=start,
                end=OPEN_END,
                created=created,
                published=_publication(created, chance),
                facility="EUM",
                size=chance.randint(20_000, 60_000),
            )


def level0_products(start: date, days: int, seed: int = 0) -> list[Product]:
    """Return Sentinel-1 level-0 products of a span of days, four a day, as a PRIP offers them."""
    chance = random.Random(f"{seed}:level0")
    begin = datetime(start.year, start.month, start.day, tzinfo=UTC)
    made = []
    for number in range(4 * days):
        orbit = 43_829 + number * 4
        sensed = begin + number * 6 * _HOUR + timedelta(minutes=chance.randrange(60), milliseconds=863)
        stop = sensed + timedelta(seconds=chance.randint(20, 300))
        west, south = chance.uniform(-170, 160), chance.uniform(-70, 60)
        ring = ((west, south), (west + 5, south), (west + 5, south + 8), (west, south + 8), (west, south))
        made.append(
            Product(
                name=f"S1A_IW_RAW__0SDV_{_t(sensed)}_{_t(stop)}_{orbit:06d}_{orbit * 7 % 0xFFFFFF:06X}"
                f"_{chance.randrange(0xFFFF):04X}.SAFE.zip",
                product_type="IW_RAW__0S",
                platform="sentinel-1a",
                start=sensed,
                end=stop,
                created=stop + _HOUR,
                published=stop + 2 * _HOUR,
                facility="S1 Production Service",
                size=chance.randint(200_000, 900_000),
                seed=seed,
                geometry=tuple((round(x, 4), round(y, 4)) for x, y in ring),
            )
        )
    return made


def sessions(start: date, days: int, seed: int = 0) -> list[Session]:
    """Return the CADIP sessions of a span of days, two a day."""
    chance = random.Random(f"{seed}:sessions")
    begin = datetime(start.year, start.month, start.day, tzinfo=UTC)
    return [_session(begin + number * 12 * _HOUR, 53_186 + number * 7, chance) for number in range(2 * days)]


def _session(day: datetime, orbit: int, chance: random.Random) -> Session:
    start = day + timedelta(hours=7, minutes=chance.randrange(60), seconds=4, milliseconds=51)
    name = f"S1A_{start:%Y%m%d%H%M%S}{orbit:06d}"
    published = start + 11 * _HOUR
    chunks = chain.from_iterable(
        (
            Chunk(
                name=f"DCS_01_{name}_ch{channel}_DSDB_{block:05d}.raw",
                channel=channel,
                block=block,
                size=chance.randint(20_000, 90_000),
                published=published + timedelta(seconds=3 * block),
                final=block == 3,
            )
            for block in range(4)
        )
        for channel in (1, 2)
    )
    return Session(
        id=name,
        platform="sentinel-1a",
        orbit=orbit,
        start=start,
        end=start + timedelta(minutes=9),
        published=published,
        chunks=tuple(chunks),
    )
