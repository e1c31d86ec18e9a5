"""The sandbox's made-up service that runs jobs: to practise with, and to show how a service is added."""

from eokit.dummy.service import DummyRequest, DummyService

__all__ = ["DummyRequest", "DummyService"]
