import anyio
import pytest

from eoflows.base.concurrency import one_error


async def failing(error: BaseException) -> None:
    await anyio.lowlevel.checkpoint()
    raise error


async def run(*errors: BaseException) -> None:
    async with one_error(), anyio.create_task_group() as group:
        for error in errors:
            group.start_soon(failing, error)
        group.start_soon(anyio.sleep_forever)


def test_the_failure_itself_and_not_a_group_of_one():
    error = ValueError("the cause")
    with pytest.raises(ValueError, match="the cause") as caught:
        anyio.run(run, error)
    assert caught.value is error


def test_the_others_become_notes():
    with pytest.raises(ValueError, match="first") as caught:
        anyio.run(run, ValueError("first"), KeyError("second"))
    assert caught.value.__notes__ == ["at the same time: KeyError: 'second'"]


def test_nested_groups_and_kept_causes():
    async def nested() -> None:
        async with one_error(), anyio.create_task_group():
            try:
                raise OSError("root")
            except OSError as root:
                group = ExceptionGroup("g", [ExceptionGroup("h", [ValueError("leaf")])])
                group.exceptions[0].exceptions[0].__cause__ = root
                raise group from None

    with pytest.raises(ValueError, match="leaf") as caught:
        anyio.run(nested)
    assert isinstance(caught.value.__cause__, OSError)


def test_cancelling_from_outside_is_no_error():
    async def outer() -> bool:
        with anyio.move_on_after(0.01) as scope:
            await run()
        return scope.cancelled_caught

    assert anyio.run(outer)
