"""Runs in the environment of s2gos-client: makes every call and prints what came back as JSON."""

import asyncio
import inspect
import json
import sys

from gavicore.models import ProcessRequest
from s2gos_client import AsyncClient, Client, ClientError

ASYNC = {"headers": {"Prefer": "respond-async"}}
ECHO = ProcessRequest(inputs={"message": "hello"})
SCENE = {"value": {"width": 2, "height": 1, "red": [1, 1], "nir": [3, 1]}}


async def drive(client):
    """Call everything, with the synchronous or the asynchronous client."""

    async def call(method, *args, **kwargs):
        answer = getattr(client, method)(*args, **kwargs)
        return await answer if inspect.isawaitable(answer) else answer

    async def refused(method, *args):
        try:
            await call(method, *args)
        except ClientError as error:
            return error.api_error.model_dump(exclude_none=True)

    async def finished(job_id):
        while (job := await call("get_job", job_id)).status.value in ("accepted", "running"):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        return job

    found = {
        "capabilities": (await call("get_capabilities")).title,
        "conformance": len((await call("get_conformance")).conformsTo),
        "processes": [one.id for one in (await call("get_processes")).processes],
        "inputs": sorted((await call("get_process", "slow")).inputs),
        "sync": await call("execute_process", "echo", ECHO),
    }
    born = await call("execute_process", "echo", ECHO, **ASYNC)
    done = await finished(born.jobID)
    found["job"] = [type(born).__name__, born.status.value, done.status.value, done.progress]
    found["echo"] = (await call("get_job_results", born.jobID)).model_dump(mode="json")
    image = ProcessRequest(inputs={"scene": SCENE}, response="document")
    image = await call("execute_process", "ndvi", image, **ASYNC)
    await finished(image.jobID)
    results = (await call("get_job_results", image.jobID)).model_dump(mode="json", exclude_none=True)
    found["ndvi"] = {"media_type": results["ndvi"]["mediaType"], "statistics": results["statistics"]["value"]}
    broken = await call("execute_process", "failing", ProcessRequest(inputs={"message": "boom"}), **ASYNC)
    found["failed"] = [(await finished(broken.jobID)).message, await refused("get_job_results", broken.jobID)]
    found["jobs"] = sorted(one.processID for one in (await call("get_jobs")).jobs)
    filtered = await call("get_jobs", params={"processID": "ndvi"})
    found["filtered"] = [one.jobID == image.jobID for one in filtered.jobs]
    found["dismissed"] = (await call("dismiss_job", born.jobID)).status.value
    found["gone"] = await refused("get_job", born.jobID)
    found["refused"] = [
        await refused("get_process", "nonsense"),
        await refused("execute_process", "echo", ProcessRequest(inputs={})),
    ]
    answer = client.close()
    if inspect.isawaitable(answer):
        await answer
    return found


async def main(url, settings):
    blocking = await drive(Client(api_url=url, **settings))
    waiting = await drive(AsyncClient(api_url=url, **settings))
    print(json.dumps({"sync": blocking, "async": waiting}))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], json.loads(sys.argv[2])))
