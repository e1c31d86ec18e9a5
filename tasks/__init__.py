"""Atomic Prefect tasks, one module per verb; flows are made of them."""
