"""The command `mobilenet benchmark`. What it needs is imported when it runs."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from pipeline.terminal.console import EXIT_INTERRUPTED, Panel, failed, is_live, say

if TYPE_CHECKING:
    from pipeline.benchmark.benchmark import How, Timing

app = typer.Typer()
_FILE_WIDTH = 120  # Characters: a file need not be as narrow as rich takes it to be.


@app.command(rich_help_panel=Panel.MEASURING)
def benchmark(
    models: Annotated[list[Path], typer.Argument(metavar="TFLITE|BUNDLE…", help="Of a bundle, all its .tflite files.")],
    against: Annotated[
        Path | None, typer.Option(metavar="PEER.tflite", help="Measured in turn with them: the ratio, with 95 %.")
    ] = None,
    threads: Annotated[int, typer.Option(help="Of the interpreter.")] = 1,
    xnnpack: Annotated[bool, typer.Option("--xnnpack/--no-xnnpack", help="XNNPACK, or TFLite's own kernels.")] = True,
    warmup: Annotated[int, typer.Option(help="Runs of each process before any is measured.")] = 20,
    repeats: Annotated[int, typer.Option(help="Measured runs of each file.")] = 500,
    profile: Annotated[bool, typer.Option("--profile", help="Also each operator's time, by cutting the file.")] = False,
    write: Annotated[
        bool, typer.Option("--write", help="Into DESTINATION/latency/VARIANT.json of each bundle, for the zoo's table.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for programs.")] = False,
) -> None:
    """Measure how long .tflite files take on this machine, with ai-edge-litert, each in a process of its own, in turn.

    Milliseconds of one picture. docs/latency.md says how to run the same file on a phone.
    """
    console = Console()
    if not console.is_terminal:
        console.width = max(console.width, _FILE_WIDTH)
    try:
        from pipeline.benchmark import report
        from pipeline.benchmark.benchmark import How

        models = [_resolved(model) for model in models]
        how = How(threads=threads, xnnpack=xnnpack, warmup=warmup, repeats=repeats)
        for model in models if write else ():
            report.checked_target(model)  # Before anything is measured.
        said = _benchmark(console, models, against, how, profile=profile, as_json=as_json)
        written = _write(models, said) if write else []
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    except KeyboardInterrupt:
        raise failed(console, "interrupted; nothing was written.", code=EXIT_INTERRUPTED) from None
    if as_json:
        print(json.dumps(said, indent=2))
    for path in written:
        say(Console(stderr=True) if as_json else console, f"Written: {path}")


def _benchmark(
    console: Console, models: list[Path], against: Path | None, how: How, *, profile: bool, as_json: bool
) -> dict[str, Any]:
    from pipeline.benchmark import benchmark as measuring
    from pipeline.benchmark import operators, report

    files = [file for model in models for file in _files(model)]
    load = os.getloadavg()[0]
    with _following() as follow:
        timings = measuring.measure([*files, *([against] if against else [])], how, follow=follow)
    peer = timings[-1] if against else None
    said = report.document(timings, how, peer, load)
    if not as_json:
        _show(console, timings, peer, how, load)
    for place, file in enumerate(files if profile else []):
        with _following() as follow:
            steps = operators.profile(file, how, follow=follow)
        said["models"][place]["operators"] = [dataclasses.asdict(step) for step in steps]
        if not as_json:
            say(console, f"\n{file}")
            console.print(report.profile_table(steps), highlight=False)
    return said


def _show(console: Console, timings: list[Timing], peer: Timing | None, how: How, load: float) -> None:
    from pipeline.benchmark import benchmark as measuring
    from pipeline.benchmark import report

    threads = "1 thread" if how.threads == 1 else f"{how.threads} threads"
    say(console, f"{measuring.machine()}; {measuring.runtime()}, {how.kernels} kernels, {threads}; ms of one picture")
    console.print(report.table(timings, peer), highlight=False)
    if load + how.threads > (os.cpu_count() or 1):
        say(console, f"The machine was busy (load {load:.1f}): ratios hold, times are those of a busy machine.")


def _resolved(model: Path) -> Path:
    """The version that a destination's `latest` names."""
    from components.release import versions

    found = versions.resolve(model)
    return found if isinstance(found, Path) else model


def _files(model: Path) -> list[Path]:
    """A file, or all of a bundle's."""
    if not model.is_dir():
        return [model]
    from components.release import bundle

    names = [name for name in bundle.read_manifest(model) if name.endswith(".tflite")]
    if not names:
        raise ValueError(f"{model / bundle.MANIFEST} names no .tflite file. Give a release bundle.")
    for name in names:
        bundle.read_file(model, name)  # As its manifest has it, or an error.
    return [model / name for name in names]


def _write(models: list[Path], said: dict[str, Any]) -> list[Path]:
    from pipeline.benchmark import report

    return [report.write(model, said) for model in models]


@contextlib.contextmanager
def _following() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal; elsewhere nothing."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not is_live(console)) as progress:
        task = progress.add_task("measuring", total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
