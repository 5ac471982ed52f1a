"""How long each operator of a .tflite file takes, without a profiler: ai-edge-litert's Python has none.

The file is cut off after each of its operators, and the pieces are timed in turn. An operator's time is what its piece
takes more than the one before, so that small ones drown in the noise; a phone's benchmark_model measures each directly.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.benchmark import benchmark
from pipeline.benchmark.benchmark import How
from trainer.tflite import classifier
from trainer.tflite.graph import operators, pack, parse

_PROCESSES = 3  # Of each piece: there are thirty, and each takes a while to start.


@dataclass(frozen=True)
class Step:
    """One operator, in order of execution."""

    name: str  # As the schema writes it: CONV_2D.
    layer: str
    shape: tuple[int, ...]  # Of its output, for one picture.
    ms: float  # May be a little under 0: it is a difference.


def profile(file: Path, how: How, *, follow: Callable[[int, int], None] | None = None) -> list[Step]:
    """Each operator's time.

    Raises:
      BenchmarkError, TFLiteError: not measured at all.
    """
    content = classifier.read_file(file)
    steps = operators(content)
    with tempfile.TemporaryDirectory() as folder:
        pieces = [Path(folder) / f"{place}.tflite" for place in range(len(steps))]
        for place, piece in enumerate(pieces):
            piece.write_bytes(_cut(content, place + 1))
        timings = benchmark.measure(pieces, dataclasses.replace(how, processes=_PROCESSES), follow=follow)
    times = np.diff([timing.median_ms for timing in timings], prepend=0.0)
    return [
        Step(step.name, step.layer, tuple(step.outputs[0].shape[1:]), float(ms))
        for step, ms in zip(steps, times, strict=True)
    ]


def _cut(content: bytes, count: int) -> bytes:
    """The file with its first operators alone; it outputs what the last of these does."""
    model = parse(content)
    graph = model.subgraphs[0]
    graph.operators = graph.operators[:count]
    graph.outputs = [graph.operators[-1].outputs[0]]
    model.signatureDefs = None  # They name the old output.
    return pack(model)
