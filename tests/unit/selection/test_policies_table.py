"""The table and the scenes it is for."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from eoflows.base.errors import InvalidInputError
from eoflows.products.environment import AuxiliarySource
from eoflows.products.selection import PolicyName
from eoflows.products.selection.scene import Scene
from eoflows.products.selection.table import Alternative, load_table

S1 = "S1A_IW_RAW__0SDV_20220626T050533_20220626T051038_043829_053B7F_203C.SAFE.zip"
S3 = "S3A_OL_0_EFR____20250807T115112_20250807T115412_20250807T134208_0179_129_080______PS1_O_NR_004.SEN3"


@pytest.mark.parametrize(
    ("name", "kind", "platform", "seconds"),
    [
        (S1, "IW_RAW__0S", "sentinel-1a", 305),
        (
            "S1C_IW_SLC__1SDV_20250801T000000_20250801T000030_000001_000002_ABCD",
            "IW_SLC__1S",
            "sentinel-1c",
            30,
        ),
        (
            "S1A_EW_GRDM_1SDH_20250801T000000_20250801T000030_000001_000002_ABCD",
            "EW_GRDM_1S",
            "sentinel-1a",
            30,
        ),
        (S3, "OL_0_EFR___", "sentinel-3a", 180),
        ("S2B_MSIL1C_20250801T100559_N0511_R022_T33UUP_20250801T121512.SAFE", "S2MSI1C", "sentinel-2b", 0),
        ("S2A_OPER_MSI_L0__DS_2BPS_20250801T123456_S20250801T100559_N05.11", "MSI_L0__DS", "sentinel-2a", 0),
    ],
)
def test_names_say_what_a_scene_is(name: str, kind: str, platform: str, seconds: int):
    scene = Scene.from_name(name)
    assert (scene.product_type, scene.platform) == (kind, platform)
    assert scene.mission == platform[:-1]
    assert scene.interval.duration == timedelta(seconds=seconds)
    assert load_table().inputs(scene)


@pytest.mark.parametrize(
    ("name", "kind", "span"),
    [
        (
            "S1A_IW_ETA__AXDV_20230806T211729_20230806T211757_049760_05FBCB_9DD6.SAFE",
            "IW_ETA__AX",
            "2023-08-06T21:17:29.000Z/2023-08-06T21:17:57.000Z",
        ),
        (
            "S1A_GP_RAW__0____20200120T124516_20200120T142356_030887_038B71_1BC6.SAFE.zip",
            "GP_RAW__0_",
            "2020-01-20T12:45:16.000Z/2020-01-20T14:23:56.000Z",
        ),
        (
            "S1C_HK_RAW__0____20250120T124516_20250120T142356_030887_038B71_1BC6.SAFE",
            "HK_RAW__0_",
            "2025-01-20T12:45:16.000Z/2025-01-20T14:23:56.000Z",
        ),
        (
            "S2A_OPER_MSI_L1C_TL_SGS__20151231T122620_A002745_T32TLQ_N02.01",
            "MSI_L1C_TL",
            "2015-12-31T12:26:20.000Z/2015-12-31T12:26:20.000Z",
        ),
        (
            "S2A_OPER_PRD_MSIL1C_PDMC_20151231T122620_R050_V20151230T105153_20151230T105159.SAFE",
            "S2MSI1C",
            "2015-12-30T10:51:53.000Z/2015-12-30T10:51:59.000Z",
        ),
        (
            "S2B_OPER_PRD_HKTM__20170202T143402_20170202T143407_0001.tar",
            "PRD_HKTM_",
            "2017-02-02T14:34:02.000Z/2017-02-02T14:34:07.000Z",
        ),
    ],
)
def test_names_of_products_that_are_seldom_staged_for(name: str, kind: str, span: str):
    scene = Scene.from_name(name)
    assert (scene.product_type, str(scene.interval)) == (kind, span)
    assert scene.platform == f"sentinel-{name[1:3].lower()}"


@pytest.mark.parametrize("name", ["", "x", "LC08_L1TP_193024_20250801", "S1A_OPER_AUX_POEORB_OPOD"])
def test_other_names_are_refused(name: str):
    with pytest.raises(InvalidInputError, match="no Sentinel-1, -2 or -3 product name"):
        Scene.from_name(name)


def test_a_scene_can_be_described_and_changed():
    scene = Scene.described("2025-08-01", "2025-08-02", "Sentinel-1A", "IW_RAW__0S")
    assert (scene.mission, scene.platform) == ("sentinel-1", "sentinel-1a")
    moved = scene.changed("2025-08-01T12:00:00Z", None, "sentinel-1", None)
    assert (str(moved.interval), moved.platform) == (
        "2025-08-01T12:00:00.000Z/2025-08-02T00:00:00.000Z",
        None,
    )
    with pytest.raises(InvalidInputError, match="end, product type must be given"):
        Scene.described("2025-08-01", None, "sentinel-1a", None)
    with pytest.raises(InvalidInputError, match="landsat"):
        Scene.described("2025-08-01", "2025-08-02", "landsat", "x")


def test_an_item_is_believed():
    properties = {
        "start_datetime": "2025-08-07T11:51:12.509Z",
        "end_datetime": "2025-08-07T11:54:12.509Z",
        "platform": "sentinel-3b",
        "product:type": "OL_0_EFR___",
    }
    scene = Scene.from_item({"id": S3, "properties": properties})
    assert (scene.platform, scene.interval.start.microsecond) == ("sentinel-3b", 509_000)
    with pytest.raises(InvalidInputError, match="product:type"):
        Scene.from_item({"id": S3, "properties": properties | {"product:type": None}})


def test_the_shipped_table_has_the_margins_of_sentinel_3_level_0():
    inputs = {one.name: one for one in load_table().inputs(Scene.from_name(S3))}
    scenario, orbit = inputs["orbit scenario"], inputs["restituted orbit"]
    assert (scenario.margin_before_seconds, scenario.margin_after_seconds) == (6000, 6000)
    assert (orbit.margin_before_seconds, orbit.margin_after_seconds) == (7000, 7000)
    wanted = scenario.wanted(scenario.alternatives[0], Scene.from_name(S3))
    assert (wanted.product_type, wanted.policy) == ("AX___OSF_AX", PolicyName.LATEST_VAL_COVER)
    assert str(wanted.frame.asked) == "2025-08-07T10:11:12.000Z/2025-08-07T13:34:12.000Z"
    assert wanted.platform == "sentinel-3a"


def test_sentinel_1_orbits_come_in_their_order():
    (orbit, *_) = load_table().inputs(Scene.from_name(S1))
    kinds = [one.product_type.split("_", 1)[-1] for one in orbit.alternatives]
    ranks = [next(n for n, word in enumerate(("POE", "RES", "PRE")) if word in kind) for kind in kinds]
    assert ranks == sorted(ranks)


def test_sources_of_a_table_are_the_sources_there_are():
    known = Alternative.model_fields["source"].annotation
    assert {str(source) for source in AuxiliarySource if source != "lta"} == {
        name for part in known.__args__ for name in getattr(part, "__args__", ())
    }


def test_the_satellite_must_be_known_where_it_matters():
    scene = Scene.described("2025-08-01", "2025-08-02", "sentinel-1", "IW_RAW__0S")
    orbit = load_table().inputs(scene)[0]
    with pytest.raises(InvalidInputError, match="give the mission like sentinel-1a"):
        orbit.wanted(orbit.alternatives[0], scene)


def table(**changes: Any) -> dict[str, Any]:
    one = {"name": "orbit", "alternatives": [{"product_type": "AUX_POEORB"}]} | changes
    rule = {"mission": "sentinel-1", "product_types": ["*"], "inputs": [one]}
    return {"title": "mine", "rules": [rule]}


def test_a_table_of_ones_own_is_loaded_from_its_path(tmp_path: Path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(table(dTa=5, policy="ClosestStartValidity", look_before_seconds=60)))
    scene = Scene.from_name(S1)
    (orbit,) = load_table(str(path)).inputs(scene)
    wanted = orbit.wanted(orbit.alternatives[0], scene)
    assert (wanted.margin_before, wanted.margin_after) == (5, 0)
    assert wanted.look is not None
    assert (wanted.look.before, wanted.look.after) == (60, 7 * 86_400)


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (table(policy="Newest"), "rules.0.inputs.0.policy"),
        (table(dTa=-1), "rules.0.inputs.0.dTa"),
        (table(alternatives=[]), "rules.0.inputs.0.alternatives"),
        (table(alternatives=[{"product_type": "X", "source": "lta"}]), "alternatives.0.source"),
        (table(next_when=["found"]), "next_when"),
        (table(look_before_seconds=5), "LatestValCover does not look beyond the interval"),
        (table(margin=5), "rules.0.inputs.0.margin"),
        ({"title": "empty", "rules": []}, "rules"),
        ([], "cannot be used"),
    ],
)
def test_a_wrong_table_says_where(tmp_path: Path, document: object, message: str):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InvalidInputError, match=r"mine\.json") as caught:
        load_table(str(path))
    assert message in str(caught.value)


def test_two_inputs_of_one_name_are_refused(tmp_path: Path):
    document = table()
    document["rules"][0]["inputs"] *= 2
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InvalidInputError, match="has orbit twice"):
        load_table(str(path))


@pytest.mark.parametrize("where", ["nowhere", "/", "/nonexistent/table.json"])
def test_a_table_that_is_not_there_says_which_there_are(where: str):
    with pytest.raises(InvalidInputError, match="sentinel"):
        load_table(where)


def test_broken_json_says_where(tmp_path: Path):
    path = tmp_path / "mine.json"
    path.write_text('{"title": ')
    with pytest.raises(InvalidInputError, match="line 1 column"):
        load_table(str(path))


def test_a_scene_without_a_rule_says_which_there_are():
    scene = Scene.described("2025-08-01", "2025-08-02", "sentinel-3a", "XX_9_XXX___")
    with pytest.raises(InvalidInputError, match=r"no rule for sentinel-3 XX_9_XXX___.*OL_1_"):
        load_table().inputs(scene)
