"""Everything in eoflows that is true without Prefect: clients, models, selection, transfer, catalogue."""
