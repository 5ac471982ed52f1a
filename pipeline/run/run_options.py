"""The options of `run` by the panels of its help; those of the data are declared with what they choose."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.run import data_options, recipe_options
from pipeline.settings.local import Settings
from trainer.recipe import names as recipe_names

_TRAINING, _RELEASE, _RUNNING = recipe_options.PANEL, "Release", "Running"


@dataclasses.dataclass(frozen=True)
class TrainingOptions:
    """What is trained, and how."""

    variant: Annotated[
        str, typer.Option(rich_help_panel=_TRAINING, help="Width multiplier and resolution, such as 0.25_128.")
    ] = "0.25_64"
    variants: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=_TRAINING,
            metavar="LIST",
            help="Several, from one ingestion: 0.25_32,0.5_64, or 0.25_*, or all.",
            show_default=False,
        ),
    ] = None
    recipe: Annotated[
        str | None,
        typer.Option(
            rich_help_panel=_TRAINING,
            metavar="NAME|FILE",
            help=f"How it trains: {', '.join(recipe_names())}, or a .py or .yaml file.",
            show_default="auto; of the bundled pictures sample",
        ),
    ] = None
    epochs: Annotated[
        int | None,
        typer.Option(
            rich_help_panel=_TRAINING,
            help="Of the float training; warm-up and fine-tuning keep their proportions.",
            show_default=False,
        ),
    ] = None
    batch_size: Annotated[
        int | None, typer.Option(rich_help_panel=_TRAINING, help="Pictures a step.", show_default=False)
    ] = None
    recipe_set: recipe_options.Changes = dataclasses.field(default_factory=list)
    seed: Annotated[int | None, typer.Option(rich_help_panel=_TRAINING, help="Instead of the recipe's.")] = None
    from_scratch: Annotated[
        bool,
        typer.Option(
            "--from-scratch",
            rich_help_panel=_TRAINING,
            help="Quantize from the start; the float model is the baseline only.",
        ),
    ] = False
    float_checkpoint: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=_TRAINING,
            metavar="CKPT|TAR.GZ",
            help="A TF-Slim checkpoint that stands where the float training stood.",
        ),
    ] = None
    init_checkpoint: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=_TRAINING,
            metavar="CKPT|TAR.GZ",
            help="A TF-Slim checkpoint to fine-tune in float; other classes are fine.",
        ),
    ] = None
    raw: Annotated[
        bool,
        typer.Option(
            "--raw", rich_help_panel=_TRAINING, help="The checkpoint's weights themselves, not their moving averages."
        ),
    ] = False


@dataclasses.dataclass(frozen=True)
class ReleaseOptions:
    """What is good enough to be pushed, and where to. Their names are those of the settings."""

    push_destination: Annotated[
        str,
        typer.Option(
            rich_help_panel=_RELEASE, metavar="DIR|gs://…", help="Where bundles go.", show_default="WORKDIR/models"
        ),
    ] = Settings.push_destination
    floor: Annotated[
        float,
        typer.Option(
            rich_help_panel=_RELEASE,
            help="The least top-1 of an int8 file worth shipping.",
            show_default="above the largest class's share",
        ),
    ] = Settings.floor
    margin: Annotated[
        float,
        typer.Option(
            rich_help_panel=_RELEASE, help="How far its top-1 may truly be under the float model's, as a fraction."
        ),
    ] = Settings.margin
    class_margin: Annotated[
        float,
        typer.Option(
            rich_help_panel=_RELEASE, help="The share of a class's pictures whose loss is not held against the file."
        ),
    ] = Settings.class_margin
    max_lost: Annotated[
        float,
        typer.Option(
            rich_help_panel=_RELEASE, help="The share of classes that may lose more than that, or never be found."
        ),
    ] = Settings.max_lost
    accept_small: Annotated[
        bool,
        typer.Option(
            "--accept-small",
            rich_help_panel=_RELEASE,
            help="Release where the pictures are too few to show a drop; card, page and zoo then say so.",
        ),
    ] = Settings.accept_small


@dataclasses.dataclass(frozen=True)
class RunningOptions:
    """Where and how it runs."""

    workdir: Annotated[
        Path, typer.Option(rich_help_panel=_RUNNING, help="Artifacts, metadata, checkpoints, log, models.")
    ] = Settings.workdir
    settings_file: Annotated[
        Path | None,
        typer.Option(
            "--settings", rich_help_panel=_RUNNING, help="Folders and bounds; options stand over it. See settings/."
        ),
    ] = None
    runner: Annotated[
        Literal["local", "beam"], typer.Option(rich_help_panel=_RUNNING, help="TFX's LocalDagRunner or BeamDagRunner.")
    ] = "local"
    beam_workers: Annotated[
        int, typer.Option(rich_help_panel=_RUNNING, help="Processes for ingestion, statistics and evaluation.")
    ] = 1
    from_node: Annotated[
        str | None, typer.Option("--from", rich_help_panel=_RUNNING, metavar="NODE", help=data_options.FROM_HELP)
    ] = None
    no_cache: Annotated[
        bool, typer.Option("--no-cache", rich_help_panel=_RUNNING, help="Run every node, changed or not.")
    ] = False
