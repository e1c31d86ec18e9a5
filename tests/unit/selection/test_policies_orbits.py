"""The policies on the 6,239 real precise orbits, against brute force."""

import gzip
import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from policy_oracle import P, expected
from policy_products import EPOCH, choose, question

from eoflows.base.times import Interval, format_utc, parse_utc
from eoflows.products.selection import POLICIES, Look, PolicyName, Wanted

REAL = Path(__file__).parents[4] / "shared/data/aux_orbits/poeorb.jsonl.gz"
NAME = re.compile(r"S1([A-Z])_OPER_AUX_POEORB_OPOD_(\w+)_V(\w+)_(\w+)\.EOF")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)

pytestmark = pytest.mark.skipif(not REAL.exists(), reason="the real orbit list is not here")


@pytest.fixture(scope="module")
def orbits() -> tuple[list[P], list[dict[str, Any]]]:
    products, items = [], []
    for line in gzip.decompress(REAL.read_bytes()).splitlines():
        name = json.loads(line)["name"]
        found = NAME.fullmatch(name)
        assert found, name
        unit, *texts = found.groups()
        made, start, end = (parse_utc(text) for text in texts)
        platform = f"sentinel-1{unit.lower()}"
        figures = [round((at - EPOCH) / timedelta(milliseconds=1)) for at in (start, end, made)]
        products.append(P(name, *figures, platform=platform))
        # As a station shows it: `created` is no creation, and all were published on one day.
        properties = {
            "product:type": "AUX_POEORB",
            "platform": platform,
            "start_datetime": format_utc(start),
            "end_datetime": format_utc(end),
            "created": format_utc(start),
            "published": "2024-07-27T02:04:55.000Z",
        }
        items.append({"id": name, "collection": "s1-aux", "properties": properties, "assets": {}})
    return products, items


QUESTIONS = [
    (datetime(2021, 1, 14, 5, tzinfo=UTC), timedelta(seconds=30), 60, "sentinel-1a"),
    (datetime(2021, 1, 13, 22, 59, 42, tzinfo=UTC), 26 * HOUR, 0, "sentinel-1a"),
    (datetime(2020, 8, 1, 23, 30, tzinfo=UTC), 2 * HOUR, 0, None),
    (datetime(2019, 3, 1, tzinfo=UTC), 40 * DAY, 3600, None),
    (datetime(2030, 1, 1, tzinfo=UTC), HOUR, 0, "sentinel-1b"),
]


@pytest.mark.parametrize("policy", sorted(PolicyName))
@pytest.mark.parametrize(("start", "length", "margin", "platform"), QUESTIONS)
def test_real_orbits_are_chosen_as_brute_force_does(
    orbits: tuple[list[P], list[dict[str, Any]]],
    policy: PolicyName,
    start: datetime,
    length: timedelta,
    margin: int,
    platform: str | None,
):
    products, items = orbits
    assert len(products) == 6239
    wanted = Wanted(
        "AUX_POEORB",
        Interval(start, start + length),
        policy=policy,
        margin_before=margin,
        margin_after=margin,
        platform=platform,
        look=Look(86_400, 86_400) if "Closest" in policy and POLICIES[policy].look else None,
    )
    chosen, passed = choose(wanted, items)
    asked = question(wanted)

    assert set(chosen) == expected(products, asked)
    assert len(chosen) + len(passed) == 6239


def test_a_regenerated_orbit_replaces_the_older(orbits: tuple[list[P], list[dict[str, Any]]]):
    """Some days were made twice: same satellite, same validity, another creation time in the name."""
    products, items = orbits
    by_validity: dict[tuple[str, int, int], list[P]] = {}
    for p in products:
        by_validity.setdefault((p.platform, p.start, p.end), []).append(p)
    twice = [group for group in by_validity.values() if len(group) > 1]
    everything = Interval(parse_utc("2014-01-01"), parse_utc("2026-01-01"))
    without = Wanted("AUX_POEORB", everything, policy=PolicyName.VAL_INTERSECT_WITHOUT_DUPLICATES)
    chosen, passed = choose(without, items)
    assert len(chosen) == len(by_validity)
    assert set(passed) == {p.id for group in twice for p in group if p.made < max(o.made for o in group)}
    assert all("latest created is" in why for why in passed.values())
