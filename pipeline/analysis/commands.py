"""The commands that look into what a run made: debug-quantization, tensorboard. Each imports what it needs."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from pipeline.terminal.console import EXIT_INTERRUPTED, Panel, failed, is_live, say

if TYPE_CHECKING:
    from pipeline.analysis.debug_quantization import Report
    from pipeline.analysis.drift_inputs import Compared
    from pipeline.analysis.drift_pictures import Follow

EXIT_DRIFTED = 3
_FILE_WIDTH = 110  # Characters: a file need not be as narrow as rich takes it to be.

app = typer.Typer()


@app.command(name="debug-quantization", rich_help_panel=Panel.MEASURING)
def debug_quantization(
    model: Annotated[
        Path,
        typer.Argument(metavar="QAT_MODEL|WORKDIR", help="A QatTrainer's model folder; or a run's work directory."),
    ],
    tflite: Annotated[
        Path | None, typer.Argument(metavar="[TFLITE]", help="The int8 file of that model; none with WORKDIR.")
    ] = None,
    data: Annotated[
        list[Path],
        typer.Option(
            metavar="EXAMPLES|DIR|FILE", help="Pictures. Repeatable.", show_default="with WORKDIR, the run's eval split"
        ),
    ] = [],  # noqa: B006 - typer copies it.
    pictures: Annotated[int, typer.Option(min=1, max=10_000, help="At most so many.")] = 100,
    variant: Annotated[
        str | None, typer.Option(metavar="W_R", help="With WORKDIR: of which, if there are many.")
    ] = None,
    layers: Annotated[bool, typer.Option("--layers", help="Every operator, even where the logits agree.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for programs.")] = False,
) -> None:
    """Compare an int8 file with the fake-quantized model it was made from; if they differ, operator by operator.

    Exit code 0: within the converter's tolerance. 3: out of it. 1: an error.
    """
    from pipeline.terminal import silence

    silence.import_tensorflow()
    console = Console()
    try:
        compared = _compared(model, tflite, data, variant)
        from pipeline.analysis import debug_quantization as debugging

        with _following(Console(stderr=True)) as follow:
            report = debugging.debug(compared, pictures=pictures, layers=layers, follow=follow)
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    except KeyboardInterrupt:
        raise failed(console, "interrupted.", code=EXIT_INTERRUPTED) from None
    if as_json:
        print(json.dumps(report.as_dict(), indent=2))
    else:
        _show(console, report)
    if report.faults:
        raise typer.Exit(EXIT_DRIFTED)


@app.command(rich_help_panel=Panel.RUN)
def tensorboard(
    workdir: Annotated[Path, typer.Argument(help="The work directory of a run, finished or not.")],
    latest: Annotated[bool, typer.Option("--latest", help="Only the last run's trainings.")] = False,
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 6006,
    host: Annotated[str, typer.Option(help="0.0.0.0 lets the whole network in.")] = "127.0.0.1",
) -> None:
    """Show the training curves in TensorBoard, each training under its node and execution. Ctrl-C ends it."""
    from pipeline.settings import environment

    environment.silent()
    from pipeline.analysis import tensorboard as serving

    console = Console()
    try:
        find = serving.of_last_run if latest else serving.logs
        serving.serve(
            lambda: find(workdir), host=host, port=port, started=lambda url: say(console, f"{url}  (Ctrl-C ends it.)")
        )
    except (serving.TensorBoardError, OSError) as error:
        raise failed(console, str(error)) from None
    except KeyboardInterrupt:
        raise typer.Exit from None


def _compared(model: Path, tflite: Path | None, data: list[Path], variant: str | None) -> Compared:
    from pipeline.analysis import drift_inputs

    if tflite is None:
        return drift_inputs.of_last_run(model, variant, data)
    if variant:
        raise ValueError(f"--variant {variant} is for WORKDIR alone: the model and the file are given.")
    return drift_inputs.of_paths(model, tflite, data)


def _show(console: Console, report: Report) -> None:
    from components.conversion import layer_drift
    from pipeline.analysis import debug_quantization as debugging

    if not console.is_terminal:
        console.width = max(console.width, _FILE_WIDTH)
    say(console, f"{report.compared.file}\nagainst {report.compared.serving_dir}")
    console.print(debugging.summary(report), highlight=False)
    for fault in report.faults:
        say(console, f"Out of tolerance: {fault}.")
    if report.layers:
        console.print(debugging.layers(report), highlight=False)
        say(console, "In steps of each operator's scale: so far, and alone (given what the file gave it).")
        said = layer_drift.sentence(report.layers)
        say(console, f"{said[0].upper()}{said[1:]}.")


@contextlib.contextmanager
def _following(console: Console) -> Iterator[Follow]:
    """A bar on a terminal; elsewhere nothing."""
    columns = TextColumn("{task.description}"), BarColumn(30), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not is_live(console)) as progress:

        def follow(name: str, work: Any, total: int) -> Any:
            return progress.track(work, total=total, description=name)

        yield follow
