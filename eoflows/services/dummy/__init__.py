"""The sandbox's made-up service that runs jobs: to practise with, and to show how a service is added."""

from typing import TYPE_CHECKING

from eoflows.base.lazy import lazily

if TYPE_CHECKING:
    from eoflows.services.dummy.request import DummyRequest
    from eoflows.services.dummy.service import DummyService
else:
    __getattr__, __dir__ = lazily(__name__)

__all__ = [
    "DummyRequest",
    "DummyService",
]
