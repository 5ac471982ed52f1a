"""What `mobilenet benchmark` says: a table, JSON, and the latency.json that the zoo's table reads."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from components.release import bundle
from components.zoo import bundles
from pipeline.benchmark import benchmark
from pipeline.benchmark.benchmark import BenchmarkError, How, Timing
from pipeline.benchmark.operators import Step
from trainer.digest import sha256_file
from trainer.file_format import FileFormat

FORMAT = FileFormat("mobilenet benchmark --json")
FOLDER = "latency"  # Of a destination; beside the variants' folders, whose versions are never written again.


def document(timings: Sequence[Timing], how: How, peer: Timing | None, load: float) -> dict[str, Any]:
    """For programs. Milliseconds and bytes; `load` is how many processes wanted a CPU before it began."""
    content = {
        "machine": benchmark.machine(),
        "runtime": benchmark.runtime(),
        "load": round(load, 2),
        "models": [_model(timing, how, peer) for timing in timings],
    }
    return FORMAT.stamped(content)


def table(timings: Sequence[Timing], peer: Timing | None) -> Table:
    """For people: milliseconds of one picture."""
    shown = Table(box=None)
    against = ["Ratio to peer", "95 %"] if peer else []
    for column in ("File", "Median", "95 %", "Min", "p90", "p99", "Peak MB", *against):
        shown.add_column(column, justify="left" if column == "File" else "right")
    for timing in timings:
        low, high = timing.median_interval_ms
        cells = [timing.file.name, f"{timing.median_ms:.3f}", f"{low:.3f}–{high:.3f}"]
        cells += [f"{timing.ms(quantile):.3f}" for quantile in (0, 0.9, 0.99)] + [f"{timing.peak / 1e6:.1f}"]
        if peer:
            found = benchmark.ratio(timing, peer)
            cells += ["peer", ""] if timing is peer else [f"{found.ratio:.3f}", f"{found.low:.3f}–{found.high:.3f}"]
        shown.add_row(*cells)
    return shown


def profile_table(steps: Sequence[Step]) -> Table:
    """Each operator's share of the whole."""
    whole = sum(step.ms for step in steps) or 1.0
    shown = Table("Operator", "Layer", "Output", "ms", "Share", box=None)
    for column in shown.columns[3:]:
        column.justify = "right"
    for step in steps:
        shape = " x ".join(map(str, step.shape))
        shown.add_row(step.name, step.layer, shape, f"{step.ms:.3f}", f"{step.ms / whole:.1%}")
    return shown


def checked_target(folder: Path) -> Path:
    """`<destination>/latency/<variant>.json` of the folder of a version there, which can be written.

    Raises:
      BundleError, BenchmarkError: no release at a destination, or one that cannot be written.
    """
    folder = folder.absolute()
    variant = str(bundle.read_info(folder).get("variant"))
    if folder.parent.name != variant or not folder.name.isdigit():
        raise BenchmarkError(
            f"{folder} is not {variant}/VERSION of a push destination, wanted such as runs/models/0.25_64/1: latencies "
            "are written beside the variants' folders."
        )
    target = folder.parent.parent / FOLDER / f"{variant}.json"
    try:
        target.parent.mkdir(exist_ok=True)
        probe = _beside(target)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise BenchmarkError(f"{target} cannot be written: {error.strerror}. Leave --write out.") from error
    return target


def write(folder: Path, said: Mapping[str, Any]) -> Path:
    """Into `checked_target`, in place of what it said before.

    Raises:
      BundleError, BenchmarkError: see there.
    """
    target = checked_target(folder)
    ours = [model for model in said["models"] if Path(model["path"]).parent == folder.absolute()]
    measured = {Path(model["path"]).name: model for model in reversed(ours)}  # A peer, the last, may be one of them.
    files = {name: {key: value for key, value in model.items() if key != "path"} for name, model in measured.items()}
    shared = {key: said[key] for key in ("machine", "runtime", "load")}
    bundle.write_json(_beside(target), bundles.LATENCY_FORMAT.stamped({**shared, "files": files}))
    os.replace(_beside(target), target)
    return target


def _beside(target: Path) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}")


def _model(timing: Timing, how: How, peer: Timing | None) -> dict[str, Any]:
    low, high = timing.median_interval_ms
    said: dict[str, Any] = {
        "path": str(timing.file.absolute()),
        "sha256": sha256_file(timing.file),
        "bytes": timing.file.stat().st_size,
        "threads": how.threads,
        "kernels": how.kernels,
        "runs": int(timing.ns.size),
        "processes": len(timing.ns),
        "warmup": how.warmup,
        "median_ms": timing.median_ms,
        "median_low_ms": low,
        "median_high_ms": high,
        **{name: timing.ms(at) for name, at in (("min_ms", 0), ("p90_ms", 0.9), ("p99_ms", 0.99), ("max_ms", 1))},
        "mean_ms": float(timing.ns.mean()) / 1e6,
        "memory_loaded_bytes": timing.loaded,
        "memory_peak_bytes": timing.peak,
    }
    if peer and timing is not peer:
        found = benchmark.ratio(timing, peer)
        said["against"] = {"peer": str(peer.file.absolute()), **vars(found)}
    return said
