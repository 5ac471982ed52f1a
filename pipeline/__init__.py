"""The DAG, its runners and the command line. Only wires what trainer and components hold."""
