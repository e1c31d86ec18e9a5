"""Real local servers that speak the protocols of the services: nobody needs an account to see eoflows work.

The sandbox shares no code with the clients: a stand-in that shared it would share its mistakes.
"""

from eoflows.sandbox.faults import Fault
from eoflows.sandbox.server import Sandbox
from eoflows.sandbox.settings import SandboxSettings

__all__ = ["Fault", "Sandbox", "SandboxSettings"]
