"""What `run` and `ingest` are told of the data, by the same options."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

FOLDER_HELP = (
    "Folder with train/CLASS/*.jpg and eval/CLASS/*.jpg, with tars or with TFRecords. "
    "With {SPAN} and {VERSION} in it: the newest."
)
Source = Annotated[
    Literal["auto", "folders", "tars", "ilsvrc", "slim", "tfds"],
    typer.Option(
        help="Class folders; train.tar and val.tar of them; ILSVRC2012's own tars; TFRecords of TF-Slim or TFDS."
    ),
]
GroundTruth = Annotated[
    Path | None,
    typer.Option(
        metavar="LIST|KIT",
        help="Labels of ILSVRC2012's validation pictures: wnids, one a line, or the development kit.",
        show_default="beside the tars",
    ),
]
Boxes = Annotated[
    Path | None,
    typer.Option(
        metavar="TAR|CSV", help="Bounding boxes: a tar of XML files, or TF-Slim's CSV.", show_default="beside the data"
    ),
]
Classes = Annotated[
    str, typer.Option(metavar="NAMES|@FILE|N", help="Only these classes, or the first N.", show_default="all")
]
Holdout = Annotated[
    float,
    typer.Option(metavar="SHARE", help="Of train, to measure on: as eval, or as minival where there is an eval."),
]
MaxRefused = Annotated[float, typer.Option(help="The share of pictures that may be refused; a few always may.")]
MaxLeaked = Annotated[float, typer.Option(help="The share of eval's pictures that may be in train too, byte for byte.")]
ExifOrientation = Annotated[
    Literal["recorded", "applied"], typer.Option(help="Whether pictures are turned as EXIF says.")
]
