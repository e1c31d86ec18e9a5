"""Check: can a run do its work here?"""

from collections.abc import Sequence

from prefect.client.orchestration import get_client
from prefect.exceptions import PrefectHTTPStatusError

from eoflows.base.errors import EoError
from eoflows.products.checks import CheckFinding, examine
from eoflows.products.environment import FlowEnvArgs
from eoflows.tasks.environment import opened
from eoflows.tasks.outcome import Outcome

__all__ = ["findings", "leases", "looked_at"]

_SETTING = "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"
_STORAGES = "prefect.server.concurrency.lease_storage"


async def findings(env: FlowEnvArgs) -> list[CheckFinding]:
    """Look at the server's leases, at the environment's blocks, and at all that they name.

    Args:
        env: Who for, and in which environment.
    """
    first = await leases()
    try:
        async with opened(env) as flow_env:
            blocks = CheckFinding("blocks", True, f"environment {env.environment!r} serves {env.owner_id!r}")
            return [first, blocks, *await examine(flow_env)]
    except EoError as error:
        return [first, CheckFinding("blocks", False, str(error))]


async def leases() -> CheckFinding:
    """Tell whether the server still knows after a restart who holds the slots of its limits."""
    advice = f"where it is started, set {_SETTING}={_STORAGES}.filesystem (docs/operations.md, Restarts)"
    try:
        async with get_client() as client:
            settings = (await client.request("GET", "/admin/settings")).json()
        storage = str(settings["server"]["concurrency"]["lease_storage"])
    except (PrefectHTTPStatusError, KeyError, TypeError, ValueError) as error:
        status = error.response.status_code if isinstance(error, PrefectHTTPStatusError) else "something else"
        line = f"whether they outlive a restart cannot be known: GET /admin/settings answered {status}"
        return CheckFinding("leases", True, line, f"if the server is yours, {advice}")
    if storage == f"{_STORAGES}.memory":
        line = "the server forgets them at a restart: slots stay taken, and running flows that have one crash"
        return CheckFinding("leases", False, line, advice)
    return CheckFinding("leases", True, f"outlive a restart of the server: {storage}")


def looked_at(found: Sequence[CheckFinding]) -> Outcome[bool]:
    """Give what was found as the outcome of a run: what is bad comes first."""
    bad = sum(not finding.good for finding in found)
    rows = [
        {
            "what": finding.subject,
            "state": "ok" if finding.good else "BAD",
            "seen": finding.line,
            "what to do": finding.advice,
        }
        for finding in sorted(found, key=lambda finding: finding.good)
    ]
    if bad:
        sentence = f"{bad} of {len(found)} need attention."
        return Outcome.failed("NeedsAttention", sentence, False, rows=rows, attention=bad)
    return Outcome(sentence=f"All {len(found)} are well.", result=True, rows=rows)
