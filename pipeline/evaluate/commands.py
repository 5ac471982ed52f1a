"""The command `mobilenet evaluate`. What it needs is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from components.ingestion.rules import Rules
from pipeline.run import data_options
from pipeline.terminal import output_log
from pipeline.terminal.console import EXIT_SOME_REFUSED, Panel, failed, say
from trainer.pictures.limits import Orientation
from trainer.pictures.record import Aspect, ChannelOrder, Kernel

if TYPE_CHECKING:
    from components.evaluation.scores import Evaluation
    from pipeline.evaluate.evaluate import Request

app = typer.Typer()
_NAMED = 20  # Refused pictures.
_UNSAID = "Models that say nothing of their pictures"


@app.command(rich_help_panel=Panel.MEASURING)
def evaluate(
    models: Annotated[
        list[str],
        typer.Argument(
            metavar="[NAME=]MODEL…",
            help="A .tflite file, a SavedModel's or bundle's folder, a Keras file, a TF1 checkpoint.",
        ),
    ],
    data: Annotated[
        Path,
        typer.Option(metavar="DIR|EXAMPLES", help="CLASS/*.jpg folders, or shards of tf.Examples."),
    ],
    output: Annotated[Path, typer.Option(help="A folder that does not exist yet, for all results.")],
    slices: Annotated[
        str,
        typer.Option(help="Features, a comma between them: the default's, any of the Examples'; or none."),
    ] = "picture_size,decode_note",
    class_groups: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Lines of class,group: the groups are slices too.")
    ] = None,
    baseline: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What others are compared with.", show_default="the first model"),
    ] = None,
    variant: Annotated[
        str | None, typer.Option(help="WIDTH_RESOLUTION of a TF1 checkpoint whose name does not tell it.")
    ] = None,
    raw: Annotated[bool, typer.Option("--raw", help="A checkpoint's weights, not their moving averages.")] = False,
    central_fraction: Annotated[
        float | None,
        typer.Option(help="Of each side of the pictures.", show_default="what each model says of itself, else 0.875"),
    ] = None,
    input_range: Annotated[
        str | None,
        typer.Option(
            metavar="LOW,HIGH",
            help="What black and white become for a model that does not say: 0,1, 0,255 or -1,1.",
            show_default="-1,1",
            rich_help_panel=_UNSAID,
        ),
    ] = None,
    mean: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER[,…]",
            help="Taken from that, one number or one a channel; the range is then 0,255 unless it is given.",
            rich_help_panel=_UNSAID,
        ),
    ] = None,
    std: Annotated[
        str | None,
        typer.Option(metavar="NUMBER[,…]", help="What is left is divided by this, likewise.", rich_help_panel=_UNSAID),
    ] = None,
    channel_order: Annotated[
        ChannelOrder | None,
        typer.Option(help="Of the input; --mean and --std go by it.", show_default="RGB", rich_help_panel=_UNSAID),
    ] = None,
    resize_kernel: Annotated[
        Kernel | None,
        typer.Option(help="How pictures are resized.", show_default="tf1-bilinear", rich_help_panel=_UNSAID),
    ] = None,
    aspect: Annotated[
        Aspect | None,
        typer.Option(
            help="How one that is no square becomes one: pad is with black.",
            show_default="stretch",
            rich_help_panel=_UNSAID,
        ),
    ] = None,
    exif_orientation: Annotated[
        Orientation | None,
        typer.Option(help="Whether pictures of a folder are turned.", show_default="recorded", rich_help_panel=_UNSAID),
    ] = None,
    max_pixels: Annotated[int, data_options.shown(Rules, "max_pixels")] = Rules.max_pixels,
    decode_check: Annotated[bool, data_options.shown(Rules, "decode_check")] = Rules.decode_check,
    max_refused: Annotated[float, data_options.shown(Rules, "max_refused")] = Rules.max_refused,
    beam_workers: Annotated[int, typer.Option(help="Processes. One starts at once, each further one after 20 s.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print scores.json instead of tables.")] = False,
) -> None:
    """Measure any number of models on the same pictures, each decoded once, by TFMA.

    Models with 1000 outputs and with 1001 (a background first) compare. Every share comes with its 95 % interval.
    What a model's file, bundle or metadata says of its pictures is followed; the options hold for models that do not.
    Exit code 4: some pictures of the folder could not be read; the others were measured.
    """
    from pipeline.evaluate import unsaid
    from pipeline.settings import environment, local
    from pipeline.terminal import silence
    from trainer.network.variant import Variant

    console = Console()
    try:
        options = {"variant": Variant.parse(variant) if variant else None, "raw": raw}
        options["unsaid"] = unsaid.preprocessing(
            input_range=input_range, mean=mean, std=std, channel_order=channel_order, resize_kernel=resize_kernel,
            aspect=aspect, exif_orientation=exif_orientation,
        )  # fmt: skip
        if central_fraction is not None and not 0 < central_fraction <= 1:
            raise ValueError(f"--central-fraction is {central_fraction}, wanted more than 0 and at most 1.")
        local.check_no_pattern("--output", output)
        environment.set_beam_workers(beam_workers)
        silence.import_tensorflow()
        from pipeline.evaluate.evaluate import Request
        from pipeline.evaluate.models import Options

        request = Request(
            models=models,
            data=data,
            output=output.absolute(),
            baseline=baseline,
            slices=_slices(slices),
            class_groups=class_groups,
            options=Options(**options, central_fraction=central_fraction),
            beam_workers=beam_workers,
            rules=Rules(max_refused=max_refused, max_pixels=max_pixels, decode_check=decode_check),
        )
        result = _evaluate(console, request, quiet=as_json)
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    _show(console, result, output, as_json=as_json)
    if refused := _refused(output):
        raise failed(console, refused, code=EXIT_SOME_REFUSED)


def _slices(text: str) -> list[tuple[str]]:
    return [] if text == "none" else [(feature.strip(),) for feature in text.split(",") if feature.strip()]


def _evaluate(console: Console, request: Request, *, quiet: bool) -> Evaluation:
    from pipeline.evaluate import evaluate as evaluating

    with output_log.following(console, request.output, nodes=3, keep_as="log.txt", quiet=quiet) as follower:
        return evaluating.evaluate(request, follower=follower)


def _refused(output: Path) -> str:
    """What is said of the pictures of a folder that could not be evaluated; nothing where all could."""
    import json

    from trainer.imagenet import REPORT_FILE

    if not (output / REPORT_FILE).is_file():
        return ""
    report = json.loads((output / REPORT_FILE).read_text(encoding="utf-8"))
    bad = [f"{each['name']}: {each['reason']}" for each in report["refused"]]
    count = sum(split["refused"] for split in report["splits"].values())
    said = "\n  ".join(bad[:_NAMED])
    return f"{count:,} pictures could not be read, and are in no number above:\n  {said}" if bad else ""


def _show(console: Console, result: Evaluation, output: Path, *, as_json: bool) -> None:
    from pipeline.evaluate import scores_file
    from pipeline.evaluate import table as evaluation_table

    if as_json:
        print((output / scores_file.NAME).read_text(encoding="utf-8").rstrip())
        return
    for table in evaluation_table.tables(result):
        console.print(table)
    say(console, f"{output}: TFMA's results and {scores_file.NAME}")
