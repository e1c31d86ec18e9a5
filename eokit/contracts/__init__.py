"""What our parsers rely on in the answers of services, and how an answer differs from it."""

from eokit.contracts.contract import Breach, Contract, breaches, news
from eokit.contracts.flight import Flight, Verdict, fly
from eokit.contracts.recorded import CONTRACTS

__all__ = ["CONTRACTS", "Breach", "Contract", "Flight", "Verdict", "breaches", "fly", "news"]
