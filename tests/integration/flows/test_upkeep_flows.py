"""Systematic staging, audits and expiry as people run them."""

import dataclasses
import json
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flow_runs import run

from eoflows.base.errors import PartialError
from eoflows.flows.audit_storage import audit_storage
from eoflows.flows.expire_staged import expire_staged
from eoflows.flows.stage_systematically import systematic_aux_staging
from eoflows.sandbox import Fault

pytestmark = pytest.mark.anyio
AUGUST = "2025-08-01T00:00:00Z"
OCTOBER = "2025-10-01T00:00:00Z"
ORBITS: dict[str, Any] = {"collections": ["s1-aux"], "product_types": ["AUX_POEORB"]}


def offered(place):
    products = place.box.stations["auxip"].products
    return sorted(
        (one for one in products if one.product_type == "AUX_POEORB"), key=lambda one: one.published
    )


def publish(place, name, published):
    model = offered(place)[0]
    place.box.stations["auxip"].add(
        dataclasses.replace(model, name=name, published=published, product_type="SYSTEMATIC", size=500)
    )


def run_of(place, item):
    """Give the run that an item's record says it came with."""
    with sqlite3.connect(place.state / "catalog.sqlite") as database:
        ((document,),) = database.execute("SELECT doc FROM items WHERE id = ?", (item,)).fetchall()
    database.close()
    return json.loads(document)["properties"]["eoflows:run"]


async def follow(place, **options):
    return await run(
        systematic_aux_staging,
        place.env,
        "s1-aux",
        **{"collections": ["s1-aux"], "product_types": ["SYSTEMATIC"], **options},
    )


async def test_follows_what_is_published(place):
    now = datetime.now(UTC)
    publish(place, "S1A_SYS_1.EOF", now - timedelta(hours=2))
    first = await follow(place, start=now - timedelta(hours=3))
    assert first.state.name == "Completed"
    assert set(place.files()) == {"S1A_SYS_1.EOF"}
    assert run_of(place, "S1A_SYS_1") == str(first.state.state_details.flow_run_id)
    assert "1 found in auxip: 1 staged. Watermarks: s1-aux/SYSTEMATIC at" in first.state.message
    table = first.artifacts["systematic-aux-staging"]
    assert "1 found in auxip: 1 staged. Watermarks: s1-aux/SYSTEMATIC at" in table["text"]
    assert [(row["item"], row["outcome"]) for row in table["data"]] == [("S1A_SYS_1", "staged")]
    assert first.artifacts["systematic-aux-staging-progress"]["data"] == 100

    publish(place, "S1A_SYS_2.EOF", now - timedelta(hours=2, minutes=30))
    publish(place, "S1A_SYS_3.EOF", now - timedelta(days=1))
    before = place.downloads()
    second = await follow(place)
    assert second.state.name == "Completed"
    assert set(place.files()) == {"S1A_SYS_1.EOF", "S1A_SYS_2.EOF"}
    assert place.downloads() - before == 1
    (stream,) = (await second.result())["streams"]
    assert stream["behind_seconds"] == 0


async def test_a_failure_is_tried_again_and_told(place):
    now = datetime.now(UTC)
    publish(place, "S1A_FAIL_1.EOF", now - timedelta(hours=2))
    (bad,) = (one for one in place.box.stations["auxip"].products if one.name == "S1A_FAIL_1.EOF")
    options = {"start": now - timedelta(hours=3), "on_failure": "fail", "overlap_hours": 0.0}
    with place.box.faults.active(Fault("wrong_checksum", f"/auxip/Products({bad.uuid})/$value")):
        failed = await follow(place, **options)
    assert failed.state.name == "PartiallyStaged"
    with pytest.raises(PartialError, match="to be tried again"):
        await failed.result()
    again = await follow(place, **options)
    assert again.state.name == "Completed"
    assert "S1A_FAIL_1.EOF" in place.files()


async def test_backfill_goes_on_where_its_limit_ended_it(place):
    number = len(offered(place))
    options = {**ORBITS, "start": AUGUST, "end": OCTOBER, "limit": number - 5}
    plan = await follow(place, **options, plan_only=True)
    assert (plan.state.name, place.files()) == ("MoreToStage", {})
    part = await follow(place, **options)
    assert part.state.name == "MoreToStage"
    assert len(place.files()) == number - 5
    rest = await follow(place, **options)
    assert rest.state.name == "Completed"
    assert set(place.files()) == {one.name for one in offered(place)}
    assert (await rest.result())["streams"][0]["finished"]
    with sqlite3.connect(place.state / "catalog.sqlite") as database:
        assert database.execute("SELECT count(*) FROM watermarks").fetchone() == (0,)
    database.close()


async def audit(place, **options):
    scope = {**ORBITS, "start": AUGUST, "end": OCTOBER, "checksum_fraction": 1.0, "grace_minutes": 0.0}
    scope["stale_hours"] = 0.0
    return await run(audit_storage, place.env, "s1-aux", **{**scope, **options})


async def test_audit_names_its_repair_which_leaves_nothing(place):
    await follow(place, **ORBITS, start=AUGUST, end=OCTOBER)
    clean = await audit(place)
    assert clean.state.name == "Consistent"

    names = sorted(place.files())
    place.files()[names[0]].unlink()
    rotten = place.files()[names[1]]
    rotten.write_bytes(b"!" + rotten.read_bytes()[1:])
    with sqlite3.connect(place.state / "catalog.sqlite") as database:
        database.execute("DELETE FROM items WHERE id = ?", (names[2].removesuffix(".EOF"),))
    database.close()
    stray = place.state / "storage/demo/s1-aux/STRAY/STRAY.EOF"
    stray.parent.mkdir()
    stray.write_bytes(b"nobody knows me")
    killed = stray.with_name(".STRAY.zip.unpack.part")
    (killed / "content").mkdir(parents=True)
    (killed / "content/half").write_bytes(b"half")

    found = await audit(place)
    assert found.state.name == "Inconsistent"
    result = await found.result()
    assert {name: count for name, count in result["counts"].items() if count} == {
        "missing": 1,
        "orphaned": 1,
        "wrong checksum": 1,
        "unregistered": 2,
        "stale parts": 1,
    }
    command = result["repair"]["command"]
    assert command.startswith("prefect deployment run audit-storage/default -p 'env={")
    assert command in found.artifacts["audit-storage"]["text"]
    report = sorted((place.state / "storage/demo/_audits").iterdir())[-1]
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert len(lines) == 6
    assert lines[-1]["summary"]["repair"]["command"] == command

    given = result["repair"]["parameters"]
    repaired = await run(audit_storage, **{**given, "env": place.env, "unregistered": "remove"})
    assert repaired.state.name == "Repaired"
    assert (await audit(place)).state.name == "Consistent"
    assert set(place.files()) == set(names)
    assert not killed.exists()


async def test_expiry_plans_first_and_systematic_staging_respects_it(place):
    options = {**ORBITS, "start": AUGUST, "end": OCTOBER}
    await follow(place, **options)
    number = len(place.files())
    planned = await run(expire_staged, place.env, "s1-aux", older_than_days=1)
    assert planned.state.name == "Planned"
    assert f"{number} items would expire" in planned.state.message
    assert len(place.files()) == number

    done = await run(expire_staged, place.env, "s1-aux", older_than_days=1, plan_only=False)
    assert done.state.name == "Expired"
    assert place.files() == {}
    assert (await run(expire_staged, place.env, "s1-aux", older_than_days=1)).state.name == "NothingExpires"
    assert (await audit(place)).state.name == "Consistent"
    await follow(place, **options)
    assert place.files() == {}
    await follow(place, **options, restage_expired=True)
    assert len(place.files()) == number
