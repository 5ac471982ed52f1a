"""`mobilenet run`: the DAG on this machine."""
