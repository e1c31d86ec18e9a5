"""Work pools and queues on a real server, and job templates in the hands of the workers that read them."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any
from uuid import uuid4

import anyio
import pytest
from peers import peer_python
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate

from eoflows.deployments.errors import StackError
from eoflows.deployments.pools import Pool, apply, main

RENDER = Path(__file__).with_name("render_job.py")


@pytest.fixture
def name(prefect_server: None) -> str:
    return f"pool-{uuid4().hex[:8]}"


async def template(name: str) -> dict[str, Any]:
    async with get_client() as client:
        return (await client.read_work_pool(name)).base_job_template


async def order(name: str) -> list[str]:
    async with get_client() as client:
        queues = await client.read_work_queues(work_pool_name=name)
    assert len({queue.priority for queue in queues}) == len(queues)
    return [queue.name for queue in sorted(queues, key=lambda queue: queue.priority)]


@pytest.mark.parametrize("kind", ["process", "docker", "kubernetes"])
def test_a_pool_is_made_once(name: str, kind: Any) -> None:
    async def work() -> None:
        pool = Pool(name, kind, image=None if kind == "process" else "eoflows:1")
        first = await apply(pool)
        assert first == [f"pool {name}: made, for {kind}", "queue urgent: made", "queue systematic: made"]
        made = await template(name)
        assert await apply(pool) == [f"pool {name}: as it should be"]
        assert await template(name) == made
        assert await order(name) == ["urgent", "default", "systematic"]

    anyio.run(work)


def test_queues_are_put_in_order_and_others_stay(name: str) -> None:
    async def work() -> None:
        async with get_client() as client:
            await client.create_work_pool(WorkPoolCreate(name=name, type="process"))
            for queue in ("systematic", "own", "urgent"):
                await client.create_work_queue(queue, work_pool_name=name)
        assert await order(name) == ["default", "systematic", "own", "urgent"]
        await apply(Pool(name))
        assert [queue for queue in await order(name) if queue != "own"] == ["urgent", "default", "systematic"]
        assert set(await order(name)) == {"urgent", "default", "systematic", "own"}
        assert await apply(Pool(name)) == [f"pool {name}: as it should be"]

    anyio.run(work)


def test_a_pool_of_another_type_is_left_alone(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    anyio.run(apply, Pool(name))
    assert main(["--type", "docker", "--name", name, "--image", "eoflows:1"]) == 1
    assert f"pool {name} is for process, not for docker" in capsys.readouterr().err


def test_containers_need_an_image() -> None:
    with pytest.raises(StackError, match="--image"):
        anyio.run(apply, Pool("containers", "kubernetes"))


def rendered(kind: str, template: dict[str, Any]) -> dict[str, Any]:
    """Have the worker's own code make of a template what it would send to its service."""
    python = peer_python(
        "prefect-workers-0.7.4-0.8.0",
        "prefect==3.8.8",
        "fastapi<0.151",
        "sqlalchemy[asyncio]<2.1",
        "prefect-docker==0.7.4",
        "prefect-kubernetes==0.8.0",
    )
    # With an address it starts no server; rendering asks for nothing.
    environment = {**os.environ, "PREFECT_API_URL": "http://127.0.0.1:9/api"}
    done = subprocess.run(
        [str(python), str(RENDER), kind],
        input=json.dumps(template),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def test_a_docker_worker_understands_the_template(name: str) -> None:
    anyio.run(apply, Pool(name, "docker", image="eoflows:1"))
    settings = rendered("docker", anyio.run(template, name))
    assert settings["image"] == "eoflows:1"
    assert (settings["user"], settings["cpu_quota"], settings["mem_limit"]) == ("10001:10001", 100_000, "2g")
    assert settings["volumes"] == ["eoflows-state:/var/lib/eoflows"]
    assert (settings["auto_remove"], settings["privileged"]) == (True, False)


def test_a_kubernetes_worker_understands_the_template(name: str) -> None:
    anyio.run(apply, Pool(name, "kubernetes", image="eoflows:1"))
    pod = rendered("kubernetes", anyio.run(template, name))["spec"]["template"]["spec"]
    container = pod["containers"][0]
    assert container["image"] == "eoflows:1"
    assert container["resources"]["limits"] == {"cpu": "1", "memory": "2Gi"}
    assert pod["volumes"] == [{"name": "state", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}]
    assert {mount["name"] for mount in container["volumeMounts"]} == {"state", "tmp"}
    assert pod["securityContext"]["runAsUser"] == 10001
