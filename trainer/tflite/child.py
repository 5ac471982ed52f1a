"""The child process that meets a .tflite file of strangers: `python -m trainer.tflite.child`, see guard.py."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np

from trainer import limited_process
from trainer.tflite import metadata
from trainer.tflite.graph import TFLiteError
from trainer.tflite.int8_check import check_int8
from trainer.tflite.normalization import read_normalization
from trainer.tflite.runner import Runner

MEMORY = 3 << 29  # Bytes beyond an idle interpreter; and three times the file.


class Server:
    """One file at a time."""

    def __init__(self) -> None:
        self._runner: Runner | None = None

    def answer(self, question: dict[str, Any], content: bytes, pictures: memoryview) -> tuple[dict[str, Any], bytes]:
        if question["do"] == "load":
            return self._load(content, question["threads"]), b""
        return self._run(question["count"], pictures)

    def _load(self, file: bytes, threads: int) -> dict[str, Any]:
        """Everything that is read of a file is read here first."""
        self._runner = Runner(file, threads=threads)
        readers = (check_int8, metadata.read_labels, metadata.is_as_written, metadata.read_preprocessing)
        for read in (*readers, read_normalization):
            try:
                read(file)
            except TFLiteError:  # The reader's own answer, which the parent gets when it asks.
                continue
        return {"runtime": self._runner.runtime}

    def _run(self, count: int, pictures: memoryview) -> tuple[dict[str, Any], bytes]:
        if self._runner is None:
            raise TFLiteError("no file was loaded.")
        side = self._runner.graph.resolution
        images = np.frombuffer(pictures, np.float32, count * side * side * 3).reshape(count, side, side, 3)
        found = np.ascontiguousarray(self._runner.probabilities(images), np.float32)
        return {"shape": found.shape}, found.tobytes()


if __name__ == "__main__":
    limited_process.serve(int(sys.argv[1]), Server().answer, memory=MEMORY)
