import math
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eoflows.base.errors import ContractError
from eoflows.services.up42 import Cost
from eoflows.services.up42.cost import whole_credits

ORDER = [operator.lt, operator.le, operator.gt, operator.ge]
credits = st.integers(-(10**6), 10**6)


@given(one=credits, other=credits | st.floats(allow_nan=True))
def test_order_is_that_of_the_credits(one, other):
    for test in ORDER:
        assert test(Cost("area", one), other) == test(one, other)
        assert test(other, Cost("area", one)) == test(other, one)


@given(one=credits, other=credits)
def test_costs_of_different_strategies_have_an_order(one, other):
    for test in ORDER:
        assert test(Cost("area", one, 15.8, "SQ_KM"), Cost("discount", other)) == test(one, other)


def test_equality_is_that_of_all_fields():
    assert Cost("area", 10, 2.5, "SQ_KM") == Cost("area", 10, 2.5, "SQ_KM")
    assert Cost("area", 10) != Cost("none", 10)
    assert Cost("area", 10) != 10
    assert len({Cost("area", 10), Cost("area", 10), Cost("none", 10)}) == 2


def test_nothing_compares_with_no_number():
    assert not any(test(Cost("area", 10), math.nan) for test in ORDER)
    for test in ORDER:
        with pytest.raises(TypeError):
            test(Cost("area", 10), "10")


@pytest.mark.parametrize(("told", "credits"), [(63, 63), (63.0, 63), (63.01, 64), (-1, -1), (0, 0)])
def test_credits_are_whole(told, credits):
    found = whole_credits(told, "an estimate")
    assert (found, type(found)) == (credits, int)


@pytest.mark.parametrize("told", [None, "63", True, math.nan, math.inf, [63]])
def test_no_credits(told):
    with pytest.raises(ContractError, match="not a number of credits"):
        whole_credits(told, "an estimate")
