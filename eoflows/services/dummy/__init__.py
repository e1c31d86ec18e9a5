"""The sandbox's made-up service that runs jobs: to practise with, and to show how a service is added."""

from typing import TYPE_CHECKING

from eoflows.base.lazy import names_from

if TYPE_CHECKING:
    from eoflows.services.dummy.request import DummyRequest as DummyRequest
    from eoflows.services.dummy.service import DummyService as DummyService
else:
    __getattr__, __dir__ = names_from(
        __name__,
        {
            "eoflows.services.dummy.request": ["DummyRequest"],
            "eoflows.services.dummy.service": ["DummyService"],
        },
    )
    __all__ = list(__dir__())
