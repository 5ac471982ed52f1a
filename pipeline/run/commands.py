"""The command `mobilenet run`. What it needs is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console

from components.ingestion.rules import DEFAULT as DEFAULT_RULES
from components.ingestion.rules import Rules
from components.sources.wanted import ALL, Wanted
from pipeline.run import data_options, recipe_options
from pipeline.run.carry_out import conclude as _conclude
from pipeline.run.carry_out import run as _run
from pipeline.run.carry_out import whole_story_of
from pipeline.settings.local import Settings
from pipeline.terminal.console import Panel, failed, say
from trainer.recipe import names as recipe_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.branch import Branch, Start
    from pipeline.run.signing import Signer

app = typer.Typer()
# Panels of the help, beside that of the data.
_TRAINING, _RELEASE, _RUNNING = recipe_options.PANEL, "Release", "Running"


@app.command(rich_help_panel=Panel.RUN)
@data_options.taken
def run(
    context: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=data_options.PANEL,
            help=data_options.FOLDER_HELP,
            show_default="the bundled pictures",
        ),
    ] = None,
    workdir: Annotated[
        Path, typer.Option(rich_help_panel=_RUNNING, help="Artifacts, metadata, checkpoints, log, models.")
    ] = Settings.workdir,
    variant: Annotated[
        str, typer.Option(rich_help_panel=_TRAINING, help="Width multiplier and resolution, such as 0.25_128.")
    ] = "0.25_64",
    variants: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=_TRAINING,
            metavar="LIST",
            help="Several, from one ingestion: 0.25_32,0.5_64, or 0.25_*, or all.",
            show_default=False,
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=_TRAINING,
            metavar="NAME|FILE",
            help=f"How it trains: {', '.join(recipe_names())}, or a .py or .yaml file.",
            show_default="auto; of the bundled pictures sample",
        ),
    ] = None,
    settings_file: Annotated[
        Path | None,
        typer.Option(
            "--settings", rich_help_panel=_RUNNING, help="Folders and bounds; options stand over it. See settings/."
        ),
    ] = None,
    runner: Annotated[
        Literal["local", "beam"], typer.Option(rich_help_panel=_RUNNING, help="TFX's LocalDagRunner or BeamDagRunner.")
    ] = "local",
    beam_workers: Annotated[
        int, typer.Option(rich_help_panel=_RUNNING, help="Processes for ingestion, statistics and evaluation.")
    ] = 1,
    epochs: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=_TRAINING,
            help="Of the float training; warm-up and fine-tuning keep their proportions.",
            show_default=False,
        ),
    ] = None,
    batch_size: Annotated[
        int | None, typer.Option(rich_help_panel=_TRAINING, help="Pictures a step.", show_default=False)
    ] = None,
    recipe_set: recipe_options.Changes = [],  # noqa: B006 - typer copies it.
    seed: Annotated[int | None, typer.Option(rich_help_panel=_TRAINING, help="Instead of the recipe's.")] = None,
    from_scratch: Annotated[
        bool,
        typer.Option(
            "--from-scratch",
            rich_help_panel=_TRAINING,
            help="Quantize from the start; the float model is the baseline only.",
        ),
    ] = False,
    float_checkpoint: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=_TRAINING,
            metavar="CKPT|TAR.GZ",
            help="A TF-Slim checkpoint that stands where the float training stood.",
        ),
    ] = None,
    init_checkpoint: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=_TRAINING,
            metavar="CKPT|TAR.GZ",
            help="A TF-Slim checkpoint to fine-tune in float; other classes are fine.",
        ),
    ] = None,
    raw: Annotated[
        bool,
        typer.Option(
            "--raw", rich_help_panel=_TRAINING, help="The checkpoint's weights themselves, not their moving averages."
        ),
    ] = False,
    push_destination: Annotated[
        str,
        typer.Option(
            rich_help_panel=_RELEASE, metavar="DIR|gs://…", help="Where bundles go.", show_default="WORKDIR/models"
        ),
    ] = Settings.push_destination,
    sign: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=_RELEASE,
            metavar="KEY.pem",
            help="Sign what is pushed, as mobilenet sign does; asked first.",
        ),
    ] = None,
    from_node: Annotated[
        str | None, typer.Option("--from", rich_help_panel=_RUNNING, metavar="NODE", help=data_options.FROM_HELP)
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", rich_help_panel=_RUNNING, help="Run every node, changed or not.")
    ] = False,
    floor: Annotated[
        float,
        typer.Option(
            rich_help_panel=_RELEASE,
            help="The least top-1 of an int8 file worth shipping.",
            show_default="above the largest class's share",
        ),
    ] = Settings.floor,
    margin: Annotated[
        float,
        typer.Option(
            rich_help_panel=_RELEASE, help="How far its top-1 may truly be under the float model's, as a fraction."
        ),
    ] = Settings.margin,
    class_margin: Annotated[
        float,
        typer.Option(
            rich_help_panel=_RELEASE, help="The share of a class's pictures whose loss is not held against the file."
        ),
    ] = Settings.class_margin,
    max_lost: Annotated[
        float,
        typer.Option(
            rich_help_panel=_RELEASE, help="The share of classes that may lose more than that, or never be found."
        ),
    ] = Settings.max_lost,
    accept_small: Annotated[
        bool,
        typer.Option(
            "--accept-small",
            rich_help_panel=_RELEASE,
            help="Release where the pictures are too few to show a drop; card, page and zoo then say so.",
        ),
    ] = Settings.accept_small,
    wanted: Wanted = ALL,
    rules: Rules = DEFAULT_RULES,
) -> None:
    """Take pictures through the whole DAG: train, quantize, convert, evaluate, bless, bundle, push.

    With several variants, one that fails or is not blessed does not stop the others.
    Exit code 0: every bundle is at its destination. 3: one was not blessed. 1: an error. 130: interrupted.

    \b
    mobilenet run
        the bundled pictures: minutes on a laptop
    mobilenet run --data PICTURES --variant 0.25_128
        your own, in train/CLASS/ and eval/CLASS/ or in CLASS/ alone
    mobilenet run --data PICTURES --epochs 5 --set qat.epochs=1
        shorter; whatever has not changed comes from the cache
    """
    import dataclasses

    from pipeline import recipe_changes
    from pipeline.branch import Branch
    from pipeline.run import early, early_notes
    from pipeline.settings import environment
    from pipeline.settings import local as where
    from pipeline.settings.error import SettingsError
    from trainer.network.variant import VariantError
    from trainer.recipe import RecipeError

    console = Console()
    try:
        options = {
            "data": data, **vars(wanted), **vars(rules), "workdir": workdir, "push_destination": push_destination,
            "floor": floor, "margin": margin, "class_margin": class_margin, "max_lost": max_lost,
            "accept_small": accept_small, "enable_cache": not no_cache,
        }  # fmt: skip
        settings = _settings(settings_file, {name: value for name, value in options.items() if _given(context, name)})
        where.check(settings)
        names = _names(context, variant, variants)
        recipe = recipe or ("sample" if settings.data == where.SAMPLE else "auto")
        changes = recipe_changes.all_of(recipe_set, batch_size)
        options = {"seed": seed, "from_scratch": from_scratch, "epochs": epochs, "changes": changes}
        branches = [Branch.of(name, recipe, **options) for name in names]
        start = _start(float_checkpoint, init_checkpoint, raw, branches)
        signer = _signer(sign)
        environment.set_beam_workers(beam_workers)
        if start:
            branches = [dataclasses.replace(branch, start=start) for branch in branches]
        seen = early.check(settings, branches, from_node=from_node)
        for note in early_notes.of(settings, seen):
            say(console, note)
        environment.quiet()
        ran, pages = _run(console, settings, branches, seen, signer, runner, from_node)
    except (SettingsError, VariantError, RecipeError, OSError) as error:
        raise failed(console, str(error)) from None
    _conclude(console, ran, pages, settings.workdir, whole_story_of(settings, from_node))


def _given(context: typer.Context, setting: str) -> bool:
    """Whether the command line says it; the file of settings says the rest."""
    option = "no_cache" if setting == "enable_cache" else setting
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


def _settings(path: Path | None, given: dict[str, Any]) -> Settings:
    import dataclasses

    if path is None:
        return Settings(**given)
    from pipeline.settings import settings_file
    from pipeline.settings.error import SettingsError

    loaded = settings_file.load(path)
    if not isinstance(loaded, Settings):
        raise SettingsError(f"{path} is for {loaded.target}, wanted target: local. mobilenet submit is for clusters.")
    return dataclasses.replace(loaded, **given)


def _names(context: typer.Context, variant: str, variants: str | None) -> list[str]:
    from pipeline.settings.error import SettingsError
    from pipeline.variants import parse

    if variants is None:
        return [variant]
    if _given(context, "variant"):
        raise SettingsError(f"--variant {variant} and --variants {variants}: wanted one of them.")
    return [each.name for each in parse(variants)]


def _start(
    float_checkpoint: Path | None, init_checkpoint: Path | None, raw: bool, branches: Sequence[Branch]
) -> Start | None:
    from pipeline.branch import Start
    from pipeline.settings.error import SettingsError

    path = float_checkpoint or init_checkpoint
    if float_checkpoint and init_checkpoint:
        raise SettingsError("--float-checkpoint and --init-checkpoint: wanted one of them.")
    if path and len(branches) > 1:
        raise SettingsError(f"{path} is of one width: wanted one --variant with it, got {len(branches)} variants.")
    return Start(path.absolute(), raw=raw, trained_on=path == init_checkpoint) if path else None


def _signer(key: Path | None) -> Signer | None:
    from pipeline.run import signing

    return signing.signer(key, lambda: typer.prompt(f"Password of {key}", hide_input=True, err=True)) if key else None
