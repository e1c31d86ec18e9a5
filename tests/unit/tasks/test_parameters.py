"""Help and limits of parameters stand in one place, and the form has them."""

import inspect
from typing import Annotated, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prefect import flow
from prefect.utilities.callables import parameter_schema
from pydantic import Field

from eoflows.deployments.flow_pages import deployed_flows
from eoflows.tasks import geo_engine, ogc, parameters, product_parameters
from eoflows.tasks.parameters import described

Size = Annotated[int, Field(ge=1, description="How large it is.")]
words = st.text("abcdefg :.,`{}", min_size=1, max_size=60).map(str.strip).filter(bool)


def helps(function: Any) -> dict[str, str]:
    properties = parameter_schema(function).properties
    return {name: one["description"] for name, one in properties.items()}


def test_the_types_help_is_written_where_prefect_looks_for_it() -> None:
    @described
    def make(size: Size, more: Size | None = None, own: int = 3) -> None:
        """Make it.

        As large as is asked for.

        Args:
            own: A line of its own,
                which goes on.

        Returns:
            Nothing.

        Raises:
            ValueError: Never.
        """

    assert helps(make) == {
        "size": "How large it is.",
        "more": "How large it is.",
        "own": "A line of its own, which goes on.",
    }
    text = inspect.getdoc(make) or ""
    assert text.startswith("Make it.\n\nAs large as is asked for.\n\nArgs:\n    size: How large it is.\n")
    assert text.endswith("\n\nReturns:\n    Nothing.\n\nRaises:\n    ValueError: Never.")


@given(words, words)
def test_a_line_of_ones_own_goes_before_the_types(own: str, by_type: str) -> None:
    def make(size: int, other: int) -> None: ...

    make.__annotations__ = {
        "size": Annotated[int, Field(description=by_type)],
        "other": Annotated[int, Field(description=by_type)],
    }
    make.__doc__ = f"Make it.\n\nArgs:\n    size: {own}\n\nReturns:\n    Nothing.\n"
    found = described(make)
    normal = " ".join(own.split())
    assert f"\n    size: {normal}\n    other: {by_type}\n\nReturns:" in (found.__doc__ or "")


def test_a_parameter_without_help_and_help_without_a_parameter_are_refused() -> None:
    def nameless(size: int) -> None:
        """Make it."""

    def gone(size: Size) -> None:
        """Make it.

        Args:
            width: It was there once.
        """

    with pytest.raises(TypeError, match="nameless: parameter 'size' has no help"):
        described(nameless)
    with pytest.raises(TypeError, match=r"gone: the docstring describes \['width'\]"):
        described(gone)


def test_nothing_is_written_for_a_function_without_parameters() -> None:
    @described
    def make() -> None:
        """Make it."""

    assert make.__doc__ == "Make it."


def test_limits_of_the_types_are_enforced_and_in_the_form() -> None:
    @flow
    @described
    def make(size: Size = 3) -> None:
        """Make it."""

    assert parameter_schema(make).properties["size"]["minimum"] == 1
    with pytest.raises(Exception, match="greater than or equal to 1"):
        make.validate_parameters({"size": 0})


@pytest.mark.parametrize("name", deployed_flows())
def test_each_parameter_of_a_deployed_flow_has_help(name: str) -> None:
    properties = parameter_schema(deployed_flows()[name]).properties
    assert {
        one for one, found in properties.items() if not str(found.get("description", "")).strip()
    } == set()


def test_a_help_that_several_flows_take_is_written_once() -> None:
    """Where two flows have the same parameter with the same words, these stand with a type."""
    written = {
        one.description
        for module in (parameters, product_parameters, ogc, geo_engine)
        for value in vars(module).values()
        for one in getattr(value, "__metadata__", ())
    }
    found: dict[tuple[str, str], list[str]] = {}
    for name, deployed in deployed_flows().items():
        for parameter, text in helps(deployed).items():
            found.setdefault((parameter, text), []).append(name)
    twice = {key: names for key, names in found.items() if len(names) > 1 and key[1] not in written}
    assert twice == {}
