"""The table and the picture of a tracking document: pure functions of it."""

from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.services.earth_engine.overview import grid_svg, period_rows, shown_state

SVG = "{http://www.w3.org/2000/svg}"


def order(row=4, column=3, state="COMPLETED", month=1, **more):
    return {
        "name": f"x{row}{column}{month}",
        "collection": "LANDSAT/LC09/C02/T1_L2",
        "index": [row, column],
        "date_start": f"2022-{month:02d}-01T00:00:00+00:00",
        "date_end": f"2022-{month + 1:02d}-01T00:00:00+00:00",
        "status": {"state": state},
        **more,
    }


def document(*orders):
    return {"tracking": {"name": "T"}, "orders": list(orders)}


def texts(svg):
    return ["".join(one.itertext()) for one in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_a_row_per_tile_and_a_column_per_period_with_problems_first():
    rows = period_rows(
        document(
            order(4, 3, downloaded={"at": "x"}),
            order(4, 3, "RUNNING", month=2),
            order(5, 3, "FAILED", month=2, error={"message": "too much", "advice": "order shorter periods"}),
        )
    )
    assert rows == [
        {
            "collection": "LANDSAT/LC09/C02/T1_L2",
            "tile": "h003v005",
            "2022-01-01 to 2022-02-01": "",
            "2022-02-01 to 2022-03-01": "FAILED",
            "problem": "FAILED: too much (order shorter periods)",
        },
        {
            "collection": "LANDSAT/LC09/C02/T1_L2",
            "tile": "h003v004",
            "2022-01-01 to 2022-02-01": "DOWNLOADED",
            "2022-02-01 to 2022-03-01": "RUNNING",
            "problem": "",
        },
    ]


def test_many_periods_are_counted():
    orders = [order(state="EMPTY" if n % 3 else "READY", date_start=f"{1990 + n}") for n in range(30)]
    (row,) = period_rows(document(*orders))
    assert (row["READY"], row["EMPTY"]) == ("10", "20")


def test_orders_of_the_original_have_rows_too():
    plain = {"name": "OLD", "status": {"state": "READY"}}
    assert period_rows(document(plain)) == [
        {"collection": "", "tile": "OLD", "state": "READY", "problem": ""}
    ]
    assert "READY  1" in texts(grid_svg(document(plain), "t"))


def test_missing_files_are_a_problem():
    (row,) = period_rows(document(order(manifest_error="1 of 4 files are not there")))
    assert row["problem"] == "1 of 4 files are not there"


@pytest.mark.parametrize(
    ("more", "state"),
    [({}, "COMPLETED"), ({"downloaded": {"at": ""}}, "DOWNLOADED"), ({"cleaned": "now"}, "CLEANED")],
)
def test_what_became_of_the_files_is_a_state(more, state):
    assert shown_state(order(**more)) == state


def test_each_tile_is_filled_by_the_parts_of_its_states():
    svg = grid_svg(document(order(), order(state="RUNNING", month=2), order(5, 5, "RUNNING")), "two tiles")
    paths = {one.get("fill"): one.get("d") for one in ElementTree.fromstring(svg).iter(f"{SVG}path")}
    assert sorted(one.count("M") for one in paths.values()) == [1, 2]
    assert "h17.5" in paths["#a9d98b"]
    assert texts(svg)[0] == "two tiles"
    assert {"h003", "h005", "v004", "v005", "RUNNING  2", "COMPLETED  1"} <= set(texts(svg))


@given(st.text(), st.text())
def test_no_text_gets_out_of_its_place(title, state):
    svg = grid_svg(document(order(state=state)), f"<script>{title}]]>&\"'")
    root = ElementTree.fromstring(svg)
    assert {one.tag.removeprefix(SVG) for one in root.iter()} <= {"svg", "rect", "text", "path"}
    assert "http" not in svg.replace('xmlns="http://www.w3.org/2000/svg"', "").replace(title[:120], "")


@given(st.lists(st.tuples(st.integers(-(10**6), 10**6), st.integers(-(10**6), 10**6)), max_size=200))
def test_the_picture_stays_small_wherever_tiles_are(indices):
    svg = grid_svg(document(*(order(row, column) for row, column in indices)), "t")
    root = ElementTree.fromstring(svg)
    assert max(int(root.get("width")), int(root.get("height"))) <= 1100
    assert len(svg) < 70_000


def test_a_whole_grid_fits_into_a_picture():
    orders = [order(row, column, state) for row in range(22) for column in range(33) for state in ("A", "B")]
    assert len(grid_svg(document(*orders), "CONUS")) < 70_000
