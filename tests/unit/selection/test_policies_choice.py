"""What a choice says and refuses: reasons, limits, margins, generation times."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from policy_oracle import P
from policy_products import STEP, choose, item, moment

from eoflows.base.errors import InvalidInputError
from eoflows.base.times import Interval, format_utc, parse_utc
from eoflows.products.selection import POLICIES, Look, PolicyName, Selection, Wanted
from eoflows.products.selection.generation import generation

ASKED = Interval(moment(4 * STEP), moment(6 * STEP))


def orbits(*made: int) -> list[dict[str, Any]]:
    return [item(P(f"P{number}", number * STEP, 9 * STEP, at * STEP)) for number, at in enumerate(made)]


def test_reasons_name_the_winner_and_what_decided():
    chosen, passed = choose(Wanted("AUX_POEORB", ASKED, policy=PolicyName.LATEST_VAL_COVER), orbits(1, 2, 1))
    assert list(chosen) == ["P1"]
    assert "latest created of 3 that fit: it was created 2025-08-01T00:00:01.000Z (published)" in chosen["P1"]
    assert passed["P0"] == (
        "LatestValCover: fits, but latest created is P1: "
        "it was created 2025-08-01T00:00:01.000Z (published), "
        "this was created 2025-08-01T00:00:00.500Z (published)"
    )


def test_a_tie_says_that_the_id_decided():
    _, passed = choose(Wanted("AUX_POEORB", ASKED, policy=PolicyName.LATEST_VAL_COVER), orbits(1, 1))
    assert "greatest id, letter by letter is P1" in passed["P0"]


def test_the_reason_says_how_far_was_looked():
    look = Look(before=2, after=1)
    wanted = Wanted("AUX_POEORB", ASKED, policy=PolicyName.CLOSEST_START_VALIDITY, look=look)
    chosen, passed = choose(wanted, [*orbits(1, 1), item(P("far", -60_000, 9, 1))])
    window = "2025-08-01T00:00:00.000Z/2025-08-01T00:00:04.000Z"
    assert f"starts within {window}" in chosen["P1"]
    assert f"does not start within {window}" in passed["far"]


def test_margins_widen_and_are_told():
    inside = item(P("P", 3 * STEP, 7 * STEP, 1))
    assert Wanted("AUX_POEORB", ASKED, margin_before=0.5, margin_after=0.5).judge(inside)[0]
    fits, why = Wanted("AUX_POEORB", ASKED, margin_before=0.501).judge(inside)
    assert not fits
    assert "with margins of 0.501 s and 0 s" in why


@pytest.mark.parametrize(
    "make",
    [
        lambda: Wanted("T", ASKED, margin_before=-1),
        lambda: Wanted("T", ASKED, margin_after=math.nan),
        lambda: Wanted("T", ASKED, margin_after=math.inf),
        lambda: Wanted("T", ASKED, look=Look(1, 1)),
        lambda: Look(-1, 0),
        lambda: Look(0, math.nan),
        lambda: Wanted("T", Interval.parse(None, "2025-08-01"), policy=PolicyName.CLOSEST_STOP_VALIDITY),
    ],
)
def test_what_cannot_be_meant_is_refused(make: Callable[[], object]):
    with pytest.raises(InvalidInputError):
        make()


def test_too_many_products_are_an_error_and_not_a_choice_among_the_first():
    selection = Selection(Wanted("AUX_POEORB", ASKED, policy=PolicyName.LATEST_VAL_COVER), most=2)
    for one in orbits(1, 2, 3):
        assert selection.judge(one) is None
    with pytest.raises(InvalidInputError, match="rank 3 products of type AUX_POEORB, and 2 are allowed"):
        selection.settle()


def test_two_satellites_with_one_validity_are_no_duplicates():
    twins = [item(P(f"P{unit}", 0, 9 * STEP, 1, platform=f"sentinel-1{unit}")) for unit in "ac"]
    wanted = Wanted("AUX_POEORB", ASKED, policy=PolicyName.VAL_INTERSECT_WITHOUT_DUPLICATES)
    assert set(choose(wanted, twins)[0]) == {"Pa", "Pc"}


def test_a_product_of_another_satellite_is_passed_over():
    _, passed = choose(Wanted("AUX_POEORB", ASKED, platform="sentinel-1c"), orbits(1))
    assert passed == {"P0": "its platform is sentinel-1a, not sentinel-1c"}


def test_an_unreadable_generation_time_is_an_error_of_that_item():
    broken = orbits(1)[0]
    broken["properties"]["processing:datetime"] = "soon"
    selection = Selection(Wanted("AUX_POEORB", ASKED, policy=PolicyName.LATEST_VAL_COVER))
    with pytest.raises(InvalidInputError, match="soon"):
        selection.judge(broken)


def test_streaming_policies_hold_nothing_back():
    streaming = {name for name, policy in POLICIES.items() if policy.group is None}
    assert streaming == {PolicyName.VAL_COVER, PolicyName.VAL_INTERSECT}
    for name in streaming:
        selection = Selection(Wanted("AUX_POEORB", ASKED, policy=name), most=0)
        assert all(selection.judge(one) for one in orbits(1, 2, 3))
        assert selection.settle() == ([], [])


NAMES = {
    "S1A_OPER_AUX_POEORB_OPOD_20210203T122423_V20210113T225942_20210115T005942.EOF": "20210203T122423",
    "S1A_OPER_AUX_RESORB_OPOD_20230405T110702_V20230405T071044_20230405T102814": "20230405T110702",
    "S2__OPER_AUX_ECMWFD_PDMC_20190216T120000_V20190217T090000_20190217T210000.TGZ": "20190216T120000",
    "S2__OPER_AUX_ECMWFD_ADG__20240116T000000_V20240116T090000_20240118T030000.TGZ": "20240116T000000",
    "S2__OPER_GIP_L2ACFG_MPC__20230801T114500_V20150622T000000_21000101T000000_B00.TGZ": "20230801T114500",
    "S1A_OPER_AMH_ERRMAT_MPC__20210506T040009_V20000101T000000_20210505T113357.EOF.zip": "20210506T040009",
    "S1A_AUX_PP2_V20230403T080000_G20230403T080001.SAFE": "20230403T080001",
    "S3A_AX___OSF_AX_20160216T192404_99991231T235959_20220330T090651___________________EUM_O_AL_001.SEN3": (
        "20220330T090651"
    ),
    "S3__AX___MA2_AX_20240803T090000_20240803T210000_20240803T174656_ECW_O_SN_001.SEN3": "20240803T174656",
}


@pytest.mark.parametrize(("name", "made"), NAMES.items())
def test_names_tell_when_a_product_was_made(name: str, made: str):
    station = {"processing:datetime": "2016-02-16T00:00:00.000Z", "published": "2016-02-16T07:20:58.166Z"}
    assert generation({"id": name, "properties": station}) == (parse_utc(made), "name")


@pytest.mark.parametrize(
    "name",
    [
        "S1A_OPER_MPL_ORBPRE_20250801T000000_20250808T000000_0001.EOF",
        "S1A_OPER_AUX_OBMEMC_PDMC_20210123T000000.xml",
        "anything",
    ],
)
def test_other_names_leave_it_to_the_properties_and_created_comes_last(name: str):
    times = {
        "processing:datetime": "2025-08-01T00:00:00.000Z",
        "published": "2025-08-02T00:00:00.000Z",
        "created": "2025-08-03T00:00:00.000Z",
    }
    for source in ("processing:datetime", "published", "created"):
        at, where = generation({"id": name, "properties": times})
        assert (format_utc(at), where) == (times.pop(source), source)
    assert generation({"id": name, "properties": times})[1] == "nowhere"
