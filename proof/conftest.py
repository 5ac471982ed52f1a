"""TensorFlow imports IPython, which puts a package `tests` of its own on the path: ours is imported before it."""

import tests  # noqa: F401
