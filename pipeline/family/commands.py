"""The commands for the family: models, download, import-checkpoint. Each imports what it needs when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from pipeline.terminal.console import EXIT_INTERRUPTED, Panel, failed, is_live, say

if TYPE_CHECKING:
    from collections.abc import Callable

app = typer.Typer()


@app.command(rich_help_panel=Panel.MODELS)
def models(
    variant: Annotated[list[str], typer.Option(help="WIDTH_RESOLUTION besides the 16. Repeatable.")] = [],  # noqa: B006 - typer copies it.
    every: Annotated[bool, typer.Option("--all", help="Every note on a model that was pushed, not ten.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Everything, for programs.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="The models' rows.")] = False,
    zoo: Annotated[
        Path | None,
        typer.Option(help="Where bundles were pushed: what was measured on them.", show_default="runs/models"),
    ] = None,
) -> None:
    """Show the family: multiply-adds, parameters, bytes, accuracies as published and as measured here."""
    from pipeline.family import models_table
    from pipeline.settings.local import Settings
    from trainer.network.variant import Variant

    console = Console()
    try:
        if as_json and as_csv:
            raise ValueError("got --json and --csv, wanted one of them.")
        if zoo and not zoo.is_dir():
            raise ValueError(f"--zoo {zoo} is not a folder: give the one that bundles were pushed to.")
        zoo = zoo or Settings().models
        family = models_table.family([Variant.parse(text) for text in variant], zoo if zoo.is_dir() else None)
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    if as_json or as_csv:
        print(models_table.as_json(family) if as_json else models_table.as_csv(family).rstrip())
        return
    console.print(models_table.table(family))
    for note in models_table.notes(family, most=None if every else models_table.NOTES):
        say(console, note)


@app.command(rich_help_panel=Panel.MODELS)
def download(
    release: Annotated[str, typer.Argument(help="WIDTH_RESOLUTION[_quant]: 1.0_224, 0.5_160_quant.")],
    output: Annotated[Path, typer.Option(help="The folder that the file goes into.")] = Path(),
    url: Annotated[str | None, typer.Option(metavar="BASE", help="A mirror's folder instead of TensorFlow's.")] = None,
) -> None:
    """Fetch a published release of the reference. What was cut off goes on where it stopped.

    Its SHA-256 is written beside it the first time and checked ever after: nobody has published one.
    """
    from trainer.slim import download as downloading

    console = Console()
    columns = BarColumn(30), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()
    bar = Progress(*columns, console=console, transient=True, disable=not is_live(console))
    try:
        with bar as progress:
            path = downloading.download(release, output, base_url=url or downloading.BASE_URL, follow=_bar(progress))
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    except KeyboardInterrupt:
        raise failed(console, "interrupted. The same command goes on from here.", code=EXIT_INTERRUPTED) from None
    say(console, f"{path}\nSHA-256 {downloading.recorded_digest(path)}, in {downloading.digest_file(path).name}")
    say(console, f"mobilenet import-checkpoint {path} --output DIR makes a model of it.")


@app.command(name="import-checkpoint", rich_help_panel=Panel.MODELS)
def import_checkpoint(
    checkpoint: Annotated[
        Path,
        typer.Argument(metavar="CKPT|TAR.GZ", help="A TF1 checkpoint's prefix, or a release as downloaded."),
    ],
    output: Annotated[Path, typer.Option(help="The model's folder, which must not exist yet.")],
    variant: Annotated[
        str | None,
        typer.Option(help="WIDTH_RESOLUTION.", show_default="the variables' width; the resolution of the file's name"),
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="The weights themselves, not their moving averages.")] = False,
    labels: Annotated[
        Path | None,
        typer.Option(help="Class names, a line each, the background first.", show_default="background, class_1, …"),
    ] = None,
) -> None:
    """Make a model folder of a TF-Slim MobileNetV1 checkpoint: a SavedModel, the Keras weights, their description."""
    from pipeline.terminal import silence

    silence.import_tensorflow()
    from pipeline.family import import_checkpoint as importing

    console = Console()
    try:
        report = importing.import_checkpoint(checkpoint, output, variant=variant, raw=raw, label_file=labels)
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    say(console, f"{output}: {report}")


def _bar(progress: Progress) -> Callable[[int, int | None], None]:
    """Bytes so far, and in all where the server says so → the bar."""
    task = progress.add_task("download", total=None)

    def follow(done: int, total: int | None) -> None:
        progress.update(task, completed=done, total=total)

    return follow
