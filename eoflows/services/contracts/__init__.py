"""What our parsers rely on in the answers of services, and how an answer differs from it."""

from eoflows.services.contracts.contract import Breach, Contract, breaches, news
from eoflows.services.contracts.flight import Flight, Verdict, fly
from eoflows.services.contracts.recorded import CONTRACTS

__all__ = ["CONTRACTS", "Breach", "Contract", "Flight", "Verdict", "breaches", "fly", "news"]
