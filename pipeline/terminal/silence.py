"""TensorFlow imported without a word, for commands whose output is for people or other programs.

From 2.19 on some of its C++ speaks before TF_CPP_MIN_LOG_LEVEL is read (tensorflow/tensorflow#100442).
"""

from __future__ import annotations

import os
import sys
import tempfile

from pipeline.settings import environment


def import_tensorflow() -> None:
    """Imports it with what it writes to the error output held back; told after all if the import fails."""
    environment.silent()
    sys.stderr.flush()
    with tempfile.TemporaryFile() as said:
        errors = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            import tensorflow as _  # noqa: F401
        except BaseException:
            said.seek(0)
            os.write(errors, said.read())
            raise
        finally:
            os.dup2(errors, 2)
            os.close(errors)
