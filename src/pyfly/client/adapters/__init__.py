"""Step 5: ports over HTTP libraries: they translate and map errors, nothing else."""
