"""Ask each service the smallest real questions, and compare the answers with what our parsers read."""

from prefect import flow
from prefect.client.schemas.objects import State

from eoflows.products.environment import FlowEnvArgs
from eoflows.tasks.contracts import Probe, check_all, checked
from eoflows.tasks.incident import tell_incident
from eoflows.tasks.parameters import described
from eoflows.tasks.progress import show

__all__ = ["check_services"]


@flow(
    name="check-services",
    flow_run_name="flight check of services",
    on_completion=[tell_incident],
    on_failure=[tell_incident],
)
@described
async def check_services(env: FlowEnvArgs | None = None, servers: list[Probe] | None = None) -> State[int]:
    """Find out whether a service has changed its answers, before a run finds out.

    Searches for one item at each source of an environment; asks servers for lists and descriptions, for the
    validity and price of inputs, for the images of a tile. Nothing is executed, ordered or paid. Each answer
    is compared with the fields that our parsers read; new fields are only noted.

    Args:
        env: Who for, and in which environment; none asks no source.
        servers: Servers to ask, each with the process, collection or workflow to ask about.

    Returns:
        The number of calls; a run that found a change, or no answer, ends Failed.

    Raises:
        InvalidInputError: There is nothing to ask.
    """
    outcome = checked(await check_all(env, servers or []))
    await show("check-services", outcome)
    return outcome.state()
