"""Here because the package is one, which the folder above is not: the checker passes it over else."""
