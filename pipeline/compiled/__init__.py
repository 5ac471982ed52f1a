"""The compiled file: made from the DAG, given its shape, placed with settings."""
