"""The command `mobilenet evaluate`. What it needs is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from components.ingestion.rules import Rules
from pipeline.evaluate.evaluate_options import CheckpointOptions, ComparisonOptions, RuleOptions, UnsaidOptions
from pipeline.terminal import option_groups, output_log
from pipeline.terminal.console import EXIT_SOME_REFUSED, Panel, failed, say

if TYPE_CHECKING:
    from components.evaluation.scores import Evaluation
    from pipeline.evaluate.evaluate import Request

app = typer.Typer()
_NAMED = 20  # Refused pictures.


@app.command(rich_help_panel=Panel.MEASURING)
@option_groups.taken()
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
    comparison: ComparisonOptions = ComparisonOptions(),  # noqa: B008 - these are frozen.
    checkpoint: CheckpointOptions = CheckpointOptions(),  # noqa: B008
    unsaid: UnsaidOptions = UnsaidOptions(),  # noqa: B008
    rules: RuleOptions = RuleOptions(),  # noqa: B008
    beam_workers: Annotated[int, typer.Option(help="Processes. One starts at once, each further one after 20 s.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print scores.json instead of tables.")] = False,
) -> None:
    """Measure any number of models on the same pictures, each decoded once, by TFMA.

    Models with 1000 outputs and with 1001 (a background first) compare. Every share comes with its 95 % interval.
    What a model's file, bundle or metadata says of its pictures is followed; the options hold for models that do not.
    Exit code 4: some pictures of the folder could not be read; the others were measured.
    """
    console = Console()
    try:
        request = _request(models, data, output, comparison, checkpoint, unsaid, rules, beam_workers)
        result = _evaluate(console, request, quiet=as_json)
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    _show(console, result, output, as_json=as_json)
    if refused := _refused(output):
        raise failed(console, refused, code=EXIT_SOME_REFUSED)


def _request(
    models: list[str],
    data: Path,
    output: Path,
    comparison: ComparisonOptions,
    checkpoint: CheckpointOptions,
    unsaid: UnsaidOptions,
    rules: RuleOptions,
    beam_workers: int,
) -> Request:
    """What is wrong with the options is said before TensorFlow is here."""
    from pipeline.evaluate.unsaid import preprocessing
    from pipeline.settings import environment, local
    from pipeline.terminal import silence
    from trainer.network.variant import Variant

    said = preprocessing(**vars(unsaid))
    variant = Variant.parse(checkpoint.variant) if checkpoint.variant else None
    if checkpoint.central_fraction is not None and not 0 < checkpoint.central_fraction <= 1:
        raise ValueError(f"--central-fraction is {checkpoint.central_fraction}, wanted more than 0 and at most 1.")
    local.check_no_pattern("--output", output)
    environment.set_beam_workers(beam_workers)
    silence.import_tensorflow()
    from pipeline.evaluate.evaluate import Request
    from pipeline.evaluate.models import Options

    return Request(
        models=models,
        data=data,
        output=output.absolute(),
        baseline=comparison.baseline,
        slices=_slices(comparison.slices),
        class_groups=comparison.class_groups,
        options=Options(variant=variant, raw=checkpoint.raw, central_fraction=checkpoint.central_fraction, unsaid=said),
        beam_workers=beam_workers,
        rules=Rules(**vars(rules)),
    )


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
