"""Our client against a real pygeoapi, with its own reading of the standard."""

import uuid

import pytest
from waiting import until

from eoflows.services.ogc_processes import (
    Client,
    ClientAbsentError,
    ClientConfig,
    ClientException,
    InvalidInputsError,
    JobFailedError,
    ResultsNotReadyError,
)

HELLO = {"inputs": {"message": "hello"}}
MIRRORED = {"mirror": {"message": "hello"}}


@pytest.fixture
def client(pygeoapi_url):
    with Client(ClientConfig(server_url=pygeoapi_url)) as client:
        yield client


def ended(client, job_id):
    def over():
        job = client.get_job(job_id)
        return None if job.status in ("accepted", "running") else job

    return until(over, "the job's end")


def test_what_it_offers(client):
    assert client.get_capabilities().links
    assert client.get_conformance().conformsTo
    assert {"mirror", "slow", "failing"} <= {one.id for one in client.get_processes().processes}
    assert set(client.get_process("mirror").inputs) == {"message", "number", "document", "as_bytes"}


@pytest.mark.parametrize("response", [None, "raw", "document"])
def test_a_job_from_an_answer_without_a_body(client, response):
    request = HELLO | ({"response": response} if response else {})
    job = client.execute_process("mirror", request)
    assert str(uuid.UUID(job.jobID)) == job.jobID
    assert ended(client, job.jobID).status == "successful"
    # Its document has one key, and no names of outputs.
    expected = {"outputs": [MIRRORED]} if response == "document" else MIRRORED
    assert client.get_job_results(job.jobID).root == expected
    assert job.jobID in {one.jobID for one in client.jobs()}


def test_synchronous_answers(client):
    job = client.execute_process("mirror", HELLO, mode="sync")
    assert job.status == "successful"
    assert client.get_job_results(job.jobID).root == MIRRORED
    job = client.execute_process("mirror", {"inputs": {"message": "hello", "as_bytes": True}}, mode="sync")
    assert client.get_job_results(job.jobID)["mirror"].data == b"hello"


def test_what_goes_wrong(client):
    with pytest.raises(InvalidInputsError):
        client.execute_process("mirror", {"inputs": {"message": 7, "number": -1}})
    with pytest.raises(ClientException) as caught:
        client.execute_process("mirror", {"inputs": {}}, validate=False, mode="sync")
    assert "without a message" in caught.value.api_error.detail
    with pytest.raises(ClientAbsentError) as caught:
        client.get_process("never-was")
    assert caught.value.api_error.type == "NoSuchProcess"
    with pytest.raises(ClientAbsentError):
        client.get_job("never-was")
    failed = client.execute_process("failing", {"inputs": {"message": "no red band"}})
    assert ended(client, failed.jobID).status == "failed"
    with pytest.raises(JobFailedError, match="no red band"):
        client.get_job_results(failed.jobID)


def test_early_results_and_dismissal(client):
    job = client.execute_process("slow", {"inputs": {"seconds": 2}})
    with pytest.raises(ResultsNotReadyError):
        client.get_job_results(job.jobID)
    assert client.dismiss_job(job.jobID).status == "dismissed"
    with pytest.raises(ClientAbsentError):
        client.get_job_results(job.jobID)


def test_its_pages_are_followed(client):
    made = {client.execute_process("mirror", HELLO).jobID for _ in range(23)}
    found = [job.jobID for job in client.get_jobs().jobs]
    assert made <= set(found)
    assert len(found) == len(set(found))
