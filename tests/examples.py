"""How many examples property tests try: few in `dev`, all in `ci`; --hypothesis-profile chooses."""

from hypothesis import settings

_ALL = 100


def register_profiles() -> None:
    """Make both profiles, and begin with `dev`."""
    # A machine that has much to do is no fault of what is tested.
    settings.register_profile("ci", deadline=None, max_examples=_ALL)
    settings.register_profile("dev", deadline=None, max_examples=50)
    settings.load_profile("dev")


def examples(count: int) -> int:
    """Return the `max_examples` of a test that wants `count` of them in `ci`."""
    most = settings.default.max_examples
    return count if most == _ALL else min(count, most)
