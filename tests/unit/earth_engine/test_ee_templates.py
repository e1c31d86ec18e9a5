from datetime import UTC, datetime

import pytest

from eoflows.base.errors import InvalidInputError, UnsafeNameError
from eoflows.services.earth_engine import known_grids
from eoflows.services.earth_engine.templates import check_name, check_prefix, fill, known_part, tile_fields

TILE = known_grids()["LANDSAT_ARD_CU"][4, 31]
FIELDS = {**tile_fields(TILE), "collection": "LC09", "now": datetime(2026, 11, 21, 1, 2, 3, tzinfo=UTC)}


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{collection}_h{tile.horizontal:03d}v{tile.vertical:03d}", "LC09_h031v004"),
        ("{tile.name}_{now:%Y%m%dT%H%M%S}", "h031v004_20261121T010203"),
        ("{{x}}", "{x}"),
        ("plain", "plain"),
        ("{tile.horizontal:>5}", "   31"),
    ],
)
def test_fields_and_formats(template, name):
    assert fill(template, FIELDS) == name


@pytest.mark.parametrize(
    "template",
    [
        "{tile.__class__}",
        "{tile}",
        "{tile.horizontal.real}",
        "{collection[0]}",
        "{now.year}",
        "{collection!r}",
        "{0}",
        "{}",
        "{tile.horizontal:{collection}}",
        "{tile.horizontal:1000d}",
        "{collection:%Y}",
        "{collection:d}",
        "{unknown}",
        "{open",
    ],
)
def test_nothing_else_can_be_reached(template):
    with pytest.raises(InvalidInputError, match="template"):
        fill(template, FIELDS)


def test_what_names_begin_with():
    assert known_part("TRACKING_PERIOD{date_start}_x") == "TRACKING_PERIOD"
    assert known_part("plain") == "plain"
    assert known_part("{a}b") == ""


@pytest.mark.parametrize("name", ["", "a b", "a/b", "ä", "x" * 101, "a.b"])
def test_names_that_cannot_be(name):
    with pytest.raises(UnsafeNameError):
        check_name(name)


@pytest.mark.parametrize("prefix", ["/a", "a//b", "a/../b", ".a", "a b"])
def test_folders_that_cannot_be(prefix):
    with pytest.raises(UnsafeNameError):
        check_prefix(prefix)


def test_folders_that_can_be():
    assert [check_prefix(one) for one in ("", "A", "A/b_c=1")] == ["", "A", "A/b_c=1"]
