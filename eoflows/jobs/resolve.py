"""What a person decides about a job that nobody else can tell."""

from typing import Any, Literal

from eoflows.base.errors import ContractError, EoError, InvalidInputError, LedgerError
from eoflows.jobs.ledger import Finding, JobRecord, Ledger
from eoflows.jobs.recognise import is_another
from eoflows.jobs.service import JobServer
from eoflows.jobs.transitions import Event, phases_of

__all__ = ["Decision", "resolve_job"]

Decision = Literal["adopt", "absent", "abandon", "paid", "follow"]


async def resolve_job(
    ledger: Ledger,
    server: JobServer[Any],
    key: str,
    decision: Decision,
    *,
    job_id: str = "",
    credits: int | None = None,
    who: str = "",
    why: str = "",
) -> JobRecord:
    """Write down what a person knows of a job.

    Args:
        ledger: Remembers it.
        server: The service; it is asked for the job to adopt.
        key: The intent's key, or the beginning of it.
        decision: `adopt` the job with `job_id`; the job is `absent`, so that it may be sent again;
            `abandon` it: nobody follows it any more, and money set aside stays so;
            or, of one that has ended, it is `paid`: money set aside becomes `credits` spent;
            or, of one whose deadline passed, or that was lost or given up, `follow` it again: its service
            is asked, and results of one that has succeeded meanwhile can be fetched.
        job_id: The service's id of the job.
        credits: What the job has cost.
        who: Who decides.
        why: On what ground.

    Raises:
        InvalidInputError: No id to adopt, no credits, or nobody who decides.
        LedgerError: The job has an id already, or is held by a run, or the id belongs to another job; or
            there is nothing to pay.
        AbsentError: The service has no such job.
    """
    if not who.strip():
        raise InvalidInputError("who decides? give a name in `who`; it is kept with the job")
    if decision == "adopt" and not job_id:
        raise InvalidInputError("to adopt a job, give the id that the service knows it by in `job_id`")
    note = f"{decision} by {who}: {why or 'no reason given'}"
    if decision == "follow":
        return await _follow(ledger, server, await ledger.job(key), note)
    if decision == "paid":
        return await _pay(ledger, await ledger.job(key), credits, note)
    found = await ledger.take((await ledger.job(key)).key)
    held = found.record
    if found.finding is Finding.KNOWN:
        raise LedgerError(
            f"job {held.key[:12]} is {held.phase}, its id {held.remote_id}: nothing is open about it"
        )
    if found.finding is Finding.BUSY:
        raise LedgerError(
            f"job {held.key[:12]} is held by {held.lease_owner} until {held.lease_until}; try later"
        )
    if decision == "absent":
        return await ledger.put_back(held, note)
    if decision == "abandon":
        return await ledger.abandon(held, note)
    try:
        return await ledger.adopt(held, await server.state(job_id))
    except EoError:
        # As it was before.
        await (ledger.unknown if held.doubtful else ledger.put_back)(held, held.message)
        raise


async def _follow(ledger: Ledger, server: JobServer[Any], record: JobRecord, note: str) -> JobRecord:
    if record.remote_id is None or record.phase not in phases_of(Event.FOLLOW):
        raise LedgerError(
            f"job {record.key[:12]} is {record.phase}, its id {record.remote_id}: it cannot be followed again"
        )
    state = await server.state(record.remote_id)
    if is_another(server, record, state):
        raise ContractError(
            f"job {state.id} is another one by now; it was {record.process!r} of {record.created_at}"
        )
    return await ledger.accepted(await ledger.follow(record, note), state)


async def _pay(ledger: Ledger, record: JobRecord, credits: int | None, note: str) -> JobRecord:
    if credits is None or credits < 0:
        raise InvalidInputError(f"credits is {credits}; give what the job has cost, 0 or more")
    if not record.closed:
        raise LedgerError(f"job {record.key[:12]} is {record.phase}: its cost is not known before it ends")
    return await ledger.paid(record, credits, f"{record.message}; {note}".removeprefix("; "))
