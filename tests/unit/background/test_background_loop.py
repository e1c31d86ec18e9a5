import asyncio
import contextvars
import gc
import os
import signal
import subprocess
import sys
import threading
import time

import anyio
import pytest

from eoflows.base.background import BackgroundClosedError, BackgroundLoop, _Call, iterate, wait_for
from eoflows.base.errors import EoError

NUMBER = contextvars.ContextVar("number", default=0)


@pytest.fixture
def loop():
    loop = BackgroundLoop()
    yield loop
    loop.close()


async def double(value: int) -> int:
    await asyncio.sleep(0)
    return 2 * value


async def fail(error: BaseException) -> None:
    await asyncio.sleep(0)
    raise error


def test_a_result_comes_back_and_one_thread_serves_all(loop):
    assert not loop.running
    assert [loop.wait_for(double(n)) for n in range(5)] == [0, 2, 4, 6, 8]

    async def name() -> str:
        return threading.current_thread().name

    assert {loop.wait_for(name()) for _ in range(3)} == {"eoflows-background"}
    assert wait_for(double(21)) == 42


@pytest.mark.anyio
async def test_it_works_where_a_loop_already_runs(loop):
    assert loop.wait_for(double(21)) == 42
    assert list(loop.iterate(count(3))) == [0, 1, 2]


@pytest.mark.parametrize(
    "error", [ValueError("x"), EoError("y"), KeyboardInterrupt(), SystemExit(3), StopAsyncIteration()]
)
def test_what_is_raised_inside_is_raised_outside_and_the_loop_lives_on(loop, error):
    with pytest.raises(type(error)) as caught:
        loop.wait_for(fail(error))
    assert caught.value is error
    assert loop.wait_for(double(1)) == 2


def test_the_callers_context_variables_are_seen(loop):
    async def seen() -> int:
        return NUMBER.get()

    token = NUMBER.set(7)
    try:
        assert loop.wait_for(seen()) == 7
    finally:
        NUMBER.reset(token)
    assert loop.wait_for(seen()) == 0


def test_calls_of_many_threads_run_at_the_same_time(loop):
    meeting = asyncio.Barrier(8)
    found = []

    async def meet(number: int) -> int:
        async with asyncio.timeout(20):
            await meeting.wait()
        return number

    threads = [threading.Thread(target=lambda n=n: found.append(loop.wait_for(meet(n)))) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == list(range(8))


def test_a_call_inside_the_loop_is_refused_instead_of_waiting_for_ever(loop):
    async def inside() -> int:
        return loop.wait_for(double(1))

    with pytest.raises(BackgroundClosedError, match="await the async call"):
        loop.wait_for(inside())


def test_closing_cancels_what_runs_and_the_next_call_starts_anew(loop):
    began, cleaned, outcome = threading.Event(), threading.Event(), []

    async def long() -> None:
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            cleaned.set()

    def wait() -> None:
        try:
            loop.wait_for(long())
        except BackgroundClosedError as error:
            outcome.append(error)

    thread = threading.Thread(target=wait)
    thread.start()
    assert began.wait(20)
    loop.close()
    thread.join(20)
    assert cleaned.is_set()
    assert len(outcome) == 1
    assert not loop.running
    assert loop.wait_for(double(2)) == 4


def test_closing_twice_or_unused(loop):
    loop.close()
    loop.wait_for(double(1))
    loop.close()
    loop.close()
    assert not loop.running


def test_ctrl_c_cancels_the_work_and_is_raised(loop):
    cancelled = threading.Event()
    began = threading.Event()

    async def long() -> None:
        try:
            began.set()
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    def interrupt() -> None:
        began.wait(20)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt).start()
    with pytest.raises(KeyboardInterrupt):
        loop.wait_for(long())
    assert cancelled.is_set()
    assert loop.wait_for(double(1)) == 2


async def count(most: int, closed: list[bool] | None = None):
    try:
        for number in range(most):
            await asyncio.sleep(0)
            yield number
    finally:
        if closed is not None:
            closed.append(True)


def test_a_stream_step_by_step_and_closed_early(loop):
    closed: list[bool] = []
    assert list(loop.iterate(count(4, closed))) == [0, 1, 2, 3]
    assert closed == [True]
    some = loop.iterate(count(10**9, closed))
    assert [next(some), next(some)] == [0, 1]
    some.close()
    assert closed == [True, True]
    assert next(iterate(count(3))) == 0


def test_a_stream_that_outlives_its_loop_is_closed_with_it(loop):
    closed: list[bool] = []
    some = loop.iterate(count(5, closed))
    next(some)
    loop.close()
    assert closed == [True]
    some.close()
    assert not loop.running


def test_worker_threads_end_with_the_loop(loop):
    async def elsewhere() -> int:
        return await anyio.to_thread.run_sync(threading.get_ident)

    first, second = loop.wait_for(elsewhere()), loop.wait_for(elsewhere())
    assert first == second
    loop.close()
    deadline = time.monotonic() + 20
    while first in {thread.ident for thread in threading.enumerate()} and time.monotonic() < deadline:
        time.sleep(0.01)
    assert first not in {thread.ident for thread in threading.enumerate()}


@pytest.mark.anyio
async def test_a_call_that_is_cancelled_before_it_began_leaves_no_warning():
    call = _Call(double(1))
    call.start()
    call.cancel()
    await asyncio.gather(call._task, return_exceptions=True)
    await asyncio.to_thread(call.done.wait, 20)
    with pytest.raises(BackgroundClosedError):
        call.result()
    del call
    gc.collect()


LEAVE = """
import asyncio, threading
from eoflows.base.background import iterate, wait_for

async def seven():
    return 7

async def numbers():
    while True:
        yield 1

async def long():
    began.set()
    await asyncio.Event().wait()

def wait():
    try:
        wait_for(long())
    except BaseException as error:
        print(type(error).__name__)

print(wait_for(seven()))
stream = iterate(numbers())
next(stream)
began = threading.Event()
threading.Thread(target=wait, daemon=True).start()
began.wait()
"""


def test_an_interpreter_that_ends_leaves_nothing(tmp_path):
    command = [sys.executable, "-X", "dev", "-W", "error", "-c", LEAVE]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[0] == "7"


FORK = """
import os
from eoflows.base.background import wait_for

async def seven():
    return 7

wait_for(seven())
child = os.fork()
if child == 0:
    os._exit(wait_for(seven()))
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
"""


def test_a_forked_child_starts_its_own():
    done = subprocess.run(
        [sys.executable, "-c", FORK], check=False, capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout.strip()) == (0, "7")
