"""Every policy chooses what brute force says, ties included, whatever the order in which products come."""

import random

import pytest
from examples import examples
from hypothesis import given, settings
from hypothesis import strategies as st
from policy_oracle import P, Q, expected
from policy_products import STEP, choose, item, moment, product_lists, question, wanteds

from eoflows.base.times import Interval
from eoflows.products.selection import POLICIES, PolicyName, Wanted


@given(product_lists(), wanteds(), st.randoms(use_true_random=False))
@settings(max_examples=examples(800))
def test_a_policy_chooses_what_the_oracle_chooses(products: list[P], wanted: Wanted, order: random.Random):
    items = [item(p) for p in products]
    chosen, passed = choose(wanted, items)
    assert set(chosen) == expected(products, question(wanted))
    assert set(chosen) | set(passed) == {p.id for p in products}
    assert not set(chosen) & set(passed)
    assert all(chosen.values())
    assert all(passed.values())
    order.shuffle(items)
    again, reasons = choose(wanted, items)
    assert (again, reasons) == (chosen, passed)


@pytest.mark.parametrize("policy", sorted(PolicyName))
def test_the_oracle_meets_each_policy_with_competition(policy: PolicyName):
    """The property test would prove nothing for a policy whose products never compete."""
    products = [P(f"P{n}", n * STEP, (n + 9) * STEP, (n % 3) * STEP) for n in range(8)]
    wanted = Wanted("AUX_POEORB", Interval(moment(7 * STEP), moment(8 * STEP)), policy=PolicyName(policy))
    found = expected(products, question(wanted))
    assert found
    assert isinstance(question(wanted), Q)
    assert set(choose(wanted, [item(p) for p in products])[0]) == found
    assert len(found) == (8 if POLICIES[policy].group is None or "Duplicates" in policy else 1)


@pytest.mark.parametrize(
    ("policy", "early", "late"),
    [
        (PolicyName.CLOSEST_START_VALIDITY, P("early", 2000, 9000, 0), P("late", 4000, 9000, 1)),
        (PolicyName.CLOSEST_STOP_VALIDITY, P("early", 0, 2000, 0), P("late", 0, 4000, 1)),
    ],
)
def test_of_two_equally_close_the_earlier_wins_though_the_other_is_newer(
    policy: PolicyName, early: P, late: P
):
    wanted = Wanted("AUX_POEORB", Interval(moment(2500), moment(3500)), policy=policy)
    chosen, passed = choose(wanted, [item(late), item(early)])
    assert set(chosen) == {"early"} == expected([early, late], question(wanted))
    assert "earliest" in passed["late"]
