"""Prints what a worker makes of the base job template on standard input; runs where it is installed."""

import asyncio
import json
import sys
from typing import Any
from unittest.mock import MagicMock
from uuid import uuid4

from prefect.client.schemas.objects import FlowRun


async def docker(template: dict[str, Any]) -> object:
    from prefect_docker.worker import DockerWorker

    worker = DockerWorker(work_pool_name="any")
    configuration = await worker.job_configuration.from_template_and_values(template, {})
    configuration.prepare_for_flow_run(FlowRun(flow_id=uuid4(), name="a run"))
    return worker._build_container_settings(MagicMock(), configuration)


async def kubernetes(template: dict[str, Any]) -> object:
    from prefect_kubernetes.worker import KubernetesWorker

    configuration = await KubernetesWorker.job_configuration.from_template_and_values(template, {})
    configuration.prepare_for_flow_run(FlowRun(flow_id=uuid4(), name="a run"))
    return configuration.job_manifest


rendered = {"docker": docker, "kubernetes": kubernetes}[sys.argv[1]](json.load(sys.stdin))
print(json.dumps(asyncio.run(rendered), default=str))
