"""TensorFlow imported, and TensorFlow Lite run, without a word: for commands whose output is for people or programs.

From 2.19 on some of its C++ speaks before TF_CPP_MIN_LOG_LEVEL is read (tensorflow/tensorflow#100442), and TensorFlow
Lite names its delegate whenever an interpreter is made.
"""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator

from pipeline.settings import environment


def import_tensorflow() -> None:
    """Imports it with what it writes to the error output held back; told after all if the import fails."""
    environment.silent()
    with native_words_held_back():
        import tensorflow as _  # noqa: F401


@contextlib.contextmanager
def native_words_held_back() -> Iterator[None]:
    """Within: what anything writes to the error output is kept; told after all if an error ends it."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as said:
        errors = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            yield
        except BaseException:
            said.seek(0)
            os.write(errors, said.read())
            raise
        finally:
            os.dup2(errors, 2)
            os.close(errors)
