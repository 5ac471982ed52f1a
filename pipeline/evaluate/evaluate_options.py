"""The options of `evaluate`: what is compared, what models want that say nothing, what of the pictures is let pass."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated

import typer

from components.ingestion.rules import Rules
from pipeline.run import data_options
from pipeline.terminal.option_groups import shown
from trainer.pictures.limits import Orientation
from trainer.pictures.record import Aspect, ChannelOrder, Kernel

_UNSAID = "Models that say nothing of their pictures"


@dataclasses.dataclass(frozen=True)
class ComparisonOptions:
    """What the models are compared by."""

    slices: Annotated[
        str, typer.Option(help="Features, a comma between them: the default's, any of the Examples'; or none.")
    ] = "picture_size,decode_note"
    class_groups: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Lines of class,group: the groups are slices too.")
    ] = None
    baseline: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="What others are compared with.", show_default="the first model"),
    ] = None


@dataclasses.dataclass(frozen=True)
class CheckpointOptions:
    """What a checkpoint's file does not say."""

    variant: Annotated[
        str | None, typer.Option(help="WIDTH_RESOLUTION of a TF1 checkpoint whose name does not tell it.")
    ] = None
    raw: Annotated[bool, typer.Option("--raw", help="A checkpoint's weights, not their moving averages.")] = False
    central_fraction: Annotated[
        float | None,
        typer.Option(help="Of each side of the pictures.", show_default="what each model says of itself, else 0.875"),
    ] = None


@dataclasses.dataclass(frozen=True)
class UnsaidOptions:
    """As `unsaid.preprocessing` takes them."""

    input_range: Annotated[
        str | None,
        typer.Option(
            metavar="LOW,HIGH",
            help="What black and white become for a model that does not say: 0,1, 0,255 or -1,1.",
            show_default="-1,1",
            rich_help_panel=_UNSAID,
        ),
    ] = None
    mean: Annotated[
        str | None,
        typer.Option(
            metavar="NUMBER[,…]",
            help="Taken from that, one number or one a channel; the range is then 0,255 unless it is given.",
            rich_help_panel=_UNSAID,
        ),
    ] = None
    std: Annotated[
        str | None,
        typer.Option(metavar="NUMBER[,…]", help="What is left is divided by this, likewise.", rich_help_panel=_UNSAID),
    ] = None
    channel_order: Annotated[
        ChannelOrder | None,
        typer.Option(help="Of the input; --mean and --std go by it.", show_default="RGB", rich_help_panel=_UNSAID),
    ] = None
    resize_kernel: Annotated[
        Kernel | None,
        typer.Option(help="How pictures are resized.", show_default="tf1-bilinear", rich_help_panel=_UNSAID),
    ] = None
    aspect: Annotated[
        Aspect | None,
        typer.Option(
            help="How one that is no square becomes one: pad is with black.",
            show_default="stretch",
            rich_help_panel=_UNSAID,
        ),
    ] = None
    exif_orientation: Annotated[
        Orientation | None,
        typer.Option(help="Whether pictures of a folder are turned.", show_default="recorded", rich_help_panel=_UNSAID),
    ] = None


@dataclasses.dataclass(frozen=True)
class RuleOptions:
    """Those of ingestion's rules that hold for a folder of pictures here; the orientation is the models'."""

    max_pixels: Annotated[int, shown(Rules, "max_pixels", data_options.PANEL)] = Rules.max_pixels
    decode_check: Annotated[bool, shown(Rules, "decode_check", data_options.PANEL)] = Rules.decode_check
    max_refused: Annotated[float, shown(Rules, "max_refused", data_options.PANEL)] = Rules.max_refused
