"""Runs a .tflite file of strangers where it can do no harm: in a child with limits of memory and time.

An interpreter believes the file: a changed byte ends the process that reads it, or fills its memory. The parent reads
the file itself only after the child has read all of it within the limits: that part is Python's and always the same.
"""

from __future__ import annotations

import weakref

import numpy as np

from trainer import limited_process
from trainer.limited_process import ProcessError
from trainer.tflite.graph import TFLiteError, read_graph

CHILD = "trainer.tflite.child"
LOAD_SECONDS, BYTES_A_SECOND = 5, 20 << 20  # Of CPU time: to load a file, and one second more for so many bytes of it.
RUN_SECONDS, PIXELS_A_SECOND = 5, 50_000  # MobileNetV1 1.0 runs a hundred times as many pixels.
_BATCH_PICTURES, _BATCH_PIXELS = 64, 1 << 20  # As `Runner` takes them.


class HarmfulFileError(TFLiteError):
    """A file that crashes the process that runs it, or takes more memory or time than it may have."""


def harm(file: bytes) -> str:
    """What a file does to the process that reads it and runs one grey picture; empty where it does none.

    A file that is only refused does no harm: its readers say what is wrong with it.
    """
    try:
        runner = GuardedRunner(file)
        runner.probabilities(np.zeros((1, runner.graph.resolution, runner.graph.resolution, 3), np.float32))
    except HarmfulFileError as error:
        return str(error)
    except TFLiteError:
        return ""
    return ""


class GuardedRunner:
    """One .tflite file, ready to run; what `Runner` is for files of our own.

    Args:
      file: the bytes.
      threads: of the interpreter.

    Raises:
      TFLiteError: no picture classifier, or one that crashes or takes more memory or time than it may have.
    """

    def __init__(self, file: bytes, *, threads: int = 1) -> None:
        self._process = limited_process.start(CHILD)
        weakref.finalize(self, self._process.close)
        try:
            question = {"do": "load", "threads": threads}
            said, _ = self._asked(question, file, LOAD_SECONDS + len(file) / BYTES_A_SECOND)
            self.runtime = str(said.get("runtime"))
            self.graph = read_graph(file)
        except TFLiteError:
            self.close()
            raise

    def probabilities(self, images: np.ndarray) -> np.ndarray:
        """Float32 [n, R, R, 3] in [-1, 1] → float32 [n, C]."""
        side, classes = self.graph.resolution, self.graph.classes
        if images.ndim != 4 or images.shape[1:] != (side, side, 3) or images.shape[0] < 1:
            raise ValueError(f"got pictures of shape {list(images.shape)}, wanted [n, {side}, {side}, 3] with n ≥ 1.")
        batch = max(1, min(_BATCH_PICTURES, _BATCH_PIXELS // side**2))
        parts = [self._batch(images[at : at + batch], classes) for at in range(0, len(images), batch)]
        return np.concatenate(parts)

    def close(self) -> None:
        """Ends the child, which also ends with this object."""
        self._process.close()

    def _batch(self, images: np.ndarray, classes: int) -> np.ndarray:
        pictures = np.frombuffer(self._process.shared, np.float32, images.size)
        pictures[:] = images.reshape(-1)
        del pictures
        seconds = RUN_SECONDS + images.size / 3 / PIXELS_A_SECOND
        _, raw = self._asked({"do": "run", "count": len(images)}, b"", seconds)
        if len(raw) != len(images) * classes * 4:
            raise TFLiteError(
                f"the .tflite file gave {len(raw)} bytes for {len(images)} pictures of {classes} classes."
            )
        return np.frombuffer(raw, np.float32).reshape(len(images), classes)

    def _asked(self, question: dict, content: bytes, seconds: float) -> tuple[dict, bytes]:
        try:
            answer, raw = self._process.ask(question, content, seconds=seconds)
        except ProcessError as error:
            raise HarmfulFileError(f"the .tflite file {error}. It is damaged or hostile: do not use it.") from error
        if "error" not in answer:
            return answer, raw
        said = str(answer["error"])
        if "kind" not in answer:
            raise HarmfulFileError(f"the .tflite file {said}. It is damaged or hostile: do not use it.")
        if answer["kind"] == TFLiteError.__name__:
            raise TFLiteError(said)
        raise TFLiteError(f"the .tflite file cannot be run ({answer['kind']}: {said[:500]}). Is it whole?")
