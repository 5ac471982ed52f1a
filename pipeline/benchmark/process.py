"""The child process of `mobilenet benchmark`: one .tflite file, one interpreter, timed when it is told to.

`python -m pipeline.benchmark.process FILE THREADS xnnpack|plain`: a line of JSON when it is ready, and for every number
of runs that comes in on standard input a line with as many nanoseconds. It waits in between, so that files take turns.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType

KERNELS = {"xnnpack": OpResolverType.BUILTIN, "plain": OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES}


def main(file: str, threads: str, kernels: str) -> None:
    """Serves until its input ends."""
    empty = _peak_memory()
    interpreter = _load(file, threads=int(threads), kernels=kernels)
    print(json.dumps({"empty": empty, "loaded": _peak_memory()}), flush=True)
    for line in sys.stdin:
        print(json.dumps({"ns": _timed(interpreter, int(line)), "memory": _peak_memory()}), flush=True)


def _load(file: str, *, threads: int, kernels: str) -> Any:
    interpreter = Interpreter(
        model_content=Path(file).read_bytes(), num_threads=threads, experimental_op_resolver_type=KERNELS[kernels]
    )
    interpreter.allocate_tensors()
    (image,) = interpreter.get_input_details()
    interpreter.set_tensor(image["index"], _noise(tuple(image["shape"]), image["dtype"]))
    return interpreter


def _noise(shape: tuple[int, ...], kind: type) -> np.ndarray:
    """One picture, always the same: zeros would be faster in kernels that look for them."""
    chance = np.random.default_rng(1)
    if np.issubdtype(kind, np.integer):
        limits = np.iinfo(kind)
        return chance.integers(limits.min, limits.max, shape, kind, endpoint=True)
    return chance.uniform(-1, 1, shape).astype(kind)


def _timed(interpreter: Any, runs: int) -> list[int]:
    """Nanoseconds of each invocation, after two that win back what the caches lost to another process."""
    for _ in range(2):
        interpreter.invoke()
    found = []
    for _ in range(runs):
        before = time.perf_counter_ns()
        interpreter.invoke()
        found.append(time.perf_counter_ns() - before)
    return found


def _peak_memory() -> int:
    """Bytes, the most that were resident. Not by getrusage where /proc tells: that begins with the parent's."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


if __name__ == "__main__":
    main(*sys.argv[1:])
