"""No test goes unnoticed: what `python tests/ids.py` says of two lists."""

import subprocess
import sys
from pathlib import Path

import pytest
from ids import complaints, read_ids, read_mapping

BEFORE = """
tests/a.py::test_one
tests/a.py::test_two[x]
tests/a.py::test_two[y]
tests/b.py::test_three[1]

4 tests collected in 0.02s
"""


def told(after: str, mapping: str = "") -> list[str]:
    return list(complaints(read_ids(BEFORE), read_ids(after), read_mapping(mapping)))


def test_what_stays_needs_no_mapping():
    assert told(BEFORE + "tests/c.py::test_new") == []


def test_a_lost_test_is_told():
    assert told(BEFORE.replace("tests/a.py::test_one", "")) == ["tests/a.py::test_one is lost"]


@pytest.mark.parametrize(
    ("after", "mapping"),
    [
        ("tests/a.py::test_1", "tests/a.py::test_one -> tests/a.py::test_1"),
        ("tests/a.py::test_1", "# renamed\n\n  tests/a.py::test_one  ->  tests/a.py::test_1"),
        ("tests/a.py::test_1[a b -> c]", "tests/a.py::test_one -> tests/a.py::test_1[a b -> c]"),
    ],
)
def test_a_renamed_test_has_a_successor(after: str, mapping: str):
    assert told(BEFORE.replace("tests/a.py::test_one", after), mapping) == []


def test_the_same_rest_is_kept_or_all_lead_to_one():
    moved = BEFORE.replace("tests/a.py", "tests/d.py")
    assert told(moved, "tests/a.py::* -> tests/d.py::*") == []
    one = "tests/a.py::test_one\ntests/b.py::test_three[1]\ntests/a.py::test_two"
    assert told(one, "tests/a.py::test_two[* -> tests/a.py::test_two") == []
    assert told(one, "tests/a.py::test_two[* -> tests/a.py::test_2[*") == [
        "tests/a.py::test_two[x] leads to tests/a.py::test_2[x], which is no test",
        "tests/a.py::test_two[y] leads to tests/a.py::test_2[y], which is no test",
    ]


def test_a_line_for_nothing_is_told():
    assert told(BEFORE, "tests/a.py::test_one -> tests/a.py::test_two[x]") == [
        "tests/a.py::test_one is no test that went"
    ]


def test_a_line_without_an_arrow_is_refused():
    with pytest.raises(ValueError, match=r"no -> in"):
        read_mapping("tests/a.py::test_one tests/a.py::test_1")


@pytest.mark.parametrize(("after", "code"), [(BEFORE, 0), ("tests/a.py::test_one", 1)])
def test_the_exit_code_says_whether_one_is_lost(tmp_path: Path, after: str, code: int):
    texts = {"before": BEFORE, "after": after, "mapping": ""}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    command = [
        sys.executable,
        str(Path(__file__).parents[1] / "ids.py"),
        *(tmp_path / name for name in texts),
    ]
    assert subprocess.run(command, check=False, capture_output=True).returncode == code
