"""Flows: what a person runs. A flow names the steps and nothing else."""
