"""What all versions of the service share."""

from collections.abc import Callable
from datetime import datetime

from eoflows.sandbox.geo_engine.jobs import TaskStore
from eoflows.sandbox.geo_engine.messages import MessageCache
from eoflows.sandbox.geo_engine.sessions import SessionStore
from eoflows.sandbox.geo_engine.settings import GeoEngineSettings
from eoflows.sandbox.geo_engine.usage import UsageBook
from eoflows.sandbox.geo_engine.workflows import Datasets, WorkflowStore

__all__ = ["State"]


class State:
    """Sessions, workflows, data sets, tasks and credits of one server."""

    def __init__(self, settings: GeoEngineSettings, clock: Callable[[], datetime]) -> None:
        self.settings = settings
        self.clock = clock
        self.sessions = SessionStore(settings, clock)
        self.datasets = Datasets(dict(settings.datasets))
        self.workflows = WorkflowStore(self.datasets)
        self.tasks = TaskStore(settings.task_seconds, settings.clean_up_seconds, clock)
        self.usage = UsageBook(settings.quota_available, clock)
        self.cache = MessageCache(settings.cache_bytes)
