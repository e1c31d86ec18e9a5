"""Real local servers that speak the protocols of the services: nobody needs an account to see eoflows work.

The sandbox shares no code with the clients: a stand-in that shared it would share its mistakes.
"""

from sandbox.faults import Fault
from sandbox.server import Sandbox
from sandbox.settings import SandboxSettings

__all__ = ["Fault", "Sandbox", "SandboxSettings"]
