"""The sandbox's made-up service that runs jobs: to practise with, and to show how a service is added."""

from eoflows.services.dummy.service import DummyRequest, DummyService

__all__ = ["DummyRequest", "DummyService"]
