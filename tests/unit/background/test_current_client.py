import threading

import pytest

from eoflows.base.current_client import current, enter, leave
from eoflows.base.errors import InvalidInputError


class Red:
    def __enter__(self):
        enter(self)
        return self

    def __exit__(self, *_):
        leave(self)


class Blue(Red):
    pass


class Green:
    __enter__, __exit__ = Red.__enter__, Red.__exit__


def test_the_nearest_of_its_kind():
    red, blue, green = Red(), Blue(), Green()
    with red:
        assert current(Red) is red
        with green, blue:
            assert current(Red) is blue
            assert current(Green) is green
            assert current(Red, red) is red
        assert current(Red) is red
    with pytest.raises(InvalidInputError, match="no Red is open here"):
        current(Red)


def test_a_client_may_be_opened_twice():
    red = Red()
    with red, Blue() as blue:
        with red:
            assert current(Red) is red
        assert current(Red) is blue


def test_another_thread_sees_nothing_of_it():
    found = []

    def look():
        try:
            found.append(current(Red))
        except InvalidInputError:
            found.append(None)

    with Red():
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert found == [None]
