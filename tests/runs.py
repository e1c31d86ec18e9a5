"""What a test asks of Prefect's API about runs of deployments."""

import time
from typing import Any

import httpx

TERMINAL = frozenset({"COMPLETED", "FAILED", "CANCELLED", "CRASHED"})


class Runs:
    """Starts and follows runs on a Prefect server."""

    def __init__(self, api: str) -> None:
        self._http = httpx.Client(base_url=api, timeout=30, trust_env=False)

    def __enter__(self) -> "Runs":
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(self, method: str, path: str, json: Any = None) -> Any:
        """Send a request to Prefect's API; on SQLite it answers 503, or not at all, while others write."""
        deadline = time.monotonic() + 120
        while (answer := self._answer(method, path, json)) is None:
            assert time.monotonic() < deadline, "Prefect's API was busy for two minutes"
            time.sleep(0.2)
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def _answer(self, method: str, path: str, json: Any) -> httpx.Response | None:
        try:
            answer = self._http.request(method, path, json=json)
        except httpx.ReadTimeout:
            if method == "GET" or path.endswith("/filter"):
                return None
            raise
        return None if answer.status_code == 503 else answer

    def deployment(self, name: str) -> dict[str, Any]:
        """Read a deployment by `flow/deployment`."""
        return self.ask("GET", f"/deployments/name/{name}")

    def twin(self, name: str, twin: str) -> str:
        """Deploy the flow of a deployment once more under another name, and give `flow/twin`."""
        kept = (
            "flow_id",
            "parameters",
            "parameter_openapi_schema",
            "enforce_parameter_schema",
            "entrypoint",
            "path",
            "pull_steps",
            "job_variables",
            "work_pool_name",
            "work_queue_name",
        )
        deployment = self.deployment(name)
        self.ask("POST", "/deployments/", {"name": twin} | {key: deployment[key] for key in kept})
        return f"{name.partition('/')[0]}/{twin}"

    def start(self, name: str, /, **parameters: Any) -> str:
        """Start a run as the UI does, and give its id."""
        deployment = self.deployment(name)
        body = {"parameters": deployment["parameters"] | parameters, "state": {"type": "SCHEDULED"}}
        return self.ask("POST", f"/deployments/{deployment['id']}/create_flow_run", body)["id"]

    def state(self, run: str) -> dict[str, Any]:
        """Give the state of a run."""
        return self.ask("GET", f"/flow_runs/{run}")["state"]

    def wait(self, run: str, types: frozenset[str] = TERMINAL, timeout: float = 240) -> dict[str, Any]:
        """Wait for a run to be in one of some states, and give that state.

        Runs of a deployment with a limit wait for those of other tests, and look only every half minute.
        """
        deadline = time.monotonic() + timeout
        while True:
            state = self.state(run)
            if state["type"] in types:
                return state
            assert time.monotonic() < deadline, f"run is {state['type']} after {timeout} s"
            time.sleep(0.1)

    def artifacts(self, run: str) -> dict[str, dict[str, Any]]:
        """Give the artifacts of a run by key, of several attempts the latest, as the pages show them."""
        found = self.ask("POST", "/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [run]}}})
        return {artifact["key"]: artifact for artifact in sorted(found, key=lambda one: one["created"])}

    def logs(self, run: str) -> str:
        """Give all log lines of a run."""
        body = {"logs": {"flow_run_id": {"any_": [run]}}, "limit": 200}
        return "\n".join(line["message"] for line in self.ask("POST", "/logs/filter", body))
