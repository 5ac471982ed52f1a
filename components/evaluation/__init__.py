"""What is measured of a model: counts, slices, scores, intervals, statistics."""

from trainer.moved_names import attributes

__getattr__ = attributes(__name__, {"read": "tfma_module"})
