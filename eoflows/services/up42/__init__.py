"""UP42 processing: priced jobs on purchased imagery."""

from typing import TYPE_CHECKING

from eoflows.base.lazy import names_of

if TYPE_CHECKING:
    from eoflows.services.up42.public import *  # noqa: F403
else:
    __getattr__, __dir__ = names_of(__name__, "eoflows.services.up42.public")
