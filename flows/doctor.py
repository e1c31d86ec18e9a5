"""Look at everything that a run needs, before a run needs it."""

from prefect import flow
from prefect.client.schemas.objects import State

from eoflows.tasks.check import findings, looked_at
from eoflows.tasks.parameters import described
from eoflows.tasks.product_parameters import Environment
from eoflows.tasks.progress import show

__all__ = ["doctor"]


@flow(name="doctor", flow_run_name="doctor of {env.environment} for {env.owner_id}")
@described
async def doctor(env: Environment) -> State[bool]:
    """Check blocks, credentials, sources, catalogue, storage and disk: a line each, and what to do.

    Returns:
        True; a run that found something bad ends Failed.
    """
    outcome = looked_at(await findings(env))
    await show("doctor", outcome)
    return outcome.state()
