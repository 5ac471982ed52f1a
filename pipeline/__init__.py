"""The DAG, its runners and the command line. Only wires what trainer and components hold."""

from trainer import moved_names

moved_names.install()
