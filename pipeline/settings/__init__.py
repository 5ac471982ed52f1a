"""Where it runs: settings of this machine and of clusters, their files, the environment."""

from trainer.moved_names import attributes

__getattr__ = attributes(__name__, {"ROOT": "local", "SAMPLE": "local", "silent": "environment"})
