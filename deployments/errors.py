"""What can go wrong with a local installation.

StackError
├── StateInUse        another runner has the state directory
├── ServiceFailed     a process ended before it was ready, or a command failed
└── NotReadyInTime    a condition was not met before its deadline
"""

__all__ = ["NotReadyInTime", "ServiceFailed", "StackError", "StateInUse"]


class StackError(Exception):
    """A local installation cannot be started or used."""


class StateInUse(StackError):
    """Another runner has the state directory."""


class ServiceFailed(StackError):
    """A process ended before it was ready, or a command failed."""


class NotReadyInTime(StackError):
    """A condition was not met before its deadline."""
