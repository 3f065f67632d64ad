"""Ports over HTTP libraries: they translate and map errors, nothing else."""
