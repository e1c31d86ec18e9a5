"""Coarse pieces of a run on the workers of a Dask cluster."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Annotated

import anyio
import pytest
from flow_runs import ORBIT, run
from prefect import flow, task

from eoflows.base.errors import DeadlineError, InvalidInputError, UnreachableError
from eoflows.flows.stage_aux import aux_staging
from eoflows.sandbox import Fault
from eoflows.tasks.spread import spread

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("prefect_server")]


@task
async def meet(folder: Path, name: str, others: int) -> int:
    """Return the id of the process once all others have come, too."""
    (folder / name).touch()
    deadline = time.monotonic() + 60
    while len(os.listdir(folder)) < others:
        if time.monotonic() > deadline:
            raise DeadlineError(f"{name} is alone")
        await anyio.sleep(0.01)
    return os.getpid()


@task
async def die_once(folder: Path) -> int:
    """Kill this process, and return the next one's id."""
    try:
        (folder / "died").touch(exist_ok=False)
    except FileExistsError:
        return os.getpid()
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


@task
async def refuse(value: int) -> None:
    raise InvalidInputError(f"the value is {value}")


# A signature that cannot be pickled: the flow itself must not be sent.
@flow
async def meeting(folder: Path, dask: str) -> Annotated[tuple[set[int], int], threading.Lock()]:
    found: set[int] = set()

    async def come(name: str) -> None:
        found.add(await room.run(meet, folder, name, 2))

    async with spread(dask) as room:
        async with anyio.create_task_group() as group:
            group.start_soon(come, "ada")
            group.start_soon(come, "bob")
        with pytest.raises(InvalidInputError, match="the value is 7"):
            await room.run(refuse, 7)
        if room.workers:
            assert await room.run(die_once, folder) > 0
    return found, room.workers


async def test_pieces_run_at_the_same_time_in_other_processes(tmp_path):
    processes, workers = await meeting(tmp_path, "local:2")
    assert (len(processes), workers) == (2, 2)
    assert os.getpid() not in processes


async def test_without_a_cluster_all_is_done_here(tmp_path):
    assert await meeting(tmp_path, "") == ({os.getpid()}, 0)


async def lose_all_workers(cluster, folder):
    async with spread(cluster.scheduler_address) as room, anyio.create_task_group() as group:
        group.start_soon(anyio.to_thread.run_sync, cluster.scale, 0)
        with pytest.raises(UnreachableError, match="lost all its workers"):
            await room.run(meet, folder, "alone", 2)


async def test_staging_on_a_cluster_that_there_is(place, tmp_path, monkeypatch):
    monkeypatch.setattr("eoflows.tasks.spread.LOOK_SECONDS", 0.5)
    from distributed import LocalCluster

    bad = next(one for one in place.box.stations["auxip"].products if one.product_type == "AUX_POEORB")
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:
        with place.box.faults.active(Fault("wrong_checksum", f"/auxip/Products({bad.uuid})/$value")):
            done = await run(
                aux_staging, place.env, {"filter": ORBIT}, "s1-aux", dask=cluster.scheduler_address
            )
        assert len(cluster.workers) == 2, "a cluster of others stays"
        await lose_all_workers(cluster, tmp_path)
    assert done.state.message == "12 found in auxip: 11 staged, 1 failed."
    assert len(place.files()) == 11
    rows = done.artifacts["aux-staging"]["data"]
    assert "Integrity: md5" in rows[0]["why"]


@pytest.mark.parametrize(
    ("dask", "why"),
    [("loca", "dask is 'loca'"), ("local:0", "dask is 'local:0'"), ("tcp://127.0.0.1:1", "no scheduler")],
)
async def test_a_cluster_that_there_is_not(dask, why):
    # Its settings must be there before one is changed for a while: restoring would take all of them away.
    import distributed.config  # noqa: F401
    from dask import config

    impatient = config.set({"distributed.comm.timeouts.connect": "1s"})
    with impatient, pytest.raises(InvalidInputError, match=why):
        async with spread(dask):
            pass
    assert config.get("distributed.comm.timeouts.tcp")
