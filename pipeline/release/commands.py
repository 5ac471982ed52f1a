"""The commands that use a release: predict, verify, sign. What they need is imported when they run."""

from __future__ import annotations

import dataclasses
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from pipeline.terminal.console import EXIT_SOME_REFUSED, Panel, failed, say
from trainer.pictures.limits import MAX_PIXELS

if TYPE_CHECKING:
    from components.release.gcs_path import Place
    from pipeline.release.model import Opened
    from pipeline.release.pictures import Given
    from pipeline.release.predict import Prediction

app = typer.Typer()

_PublicKey = Annotated[
    Path | None, typer.Option("--key", metavar="PUBLIC.pem", help="Whose signature it must bear (elliptic curve).")
]


@app.command(rich_help_panel=Panel.MODELS)
def predict(
    model: Annotated[
        str,
        typer.Argument(metavar="BUNDLE|TFLITE|SAVEDMODEL", help="A release bundle (its int8 file), or a model's file."),
    ],
    images: Annotated[
        list[str], typer.Argument(metavar="IMAGE|DIR|-…", help="JPEG, PNG, GIF, BMP or WebP; - is a picture on stdin.")
    ],
    top: Annotated[
        int | None,
        typer.Option(help="How many classes to show.", show_default="5; of a folder's pictures and with --csv 1"),
    ] = None,
    max_pixels: Annotated[int, typer.Option(help="Larger pictures are refused.", min=1)] = MAX_PIXELS,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="A line for each picture, for spreadsheets.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Refuse a bundle that is not whole to the byte.")] = False,
    key: _PublicKey = None,
) -> None:
    """Show the classes and probabilities of pictures, preprocessed and named as the model says of itself.

    Of a folder, a line for each picture; and how many were right, where the folders in it are called after classes.
    A .tflite file runs on ai-edge-litert, without TensorFlow. --key implies --verify.
    Exit code 4: some pictures could not be read; the others were predicted.

    \b
    mobilenet predict runs/models/0.25_64/latest picture.jpg
    mobilenet predict runs/models/0.25_64/latest FOLDER
    mobilenet predict runs/models/0.25_64/latest FOLDER --csv > guesses.csv
    """
    from pipeline.settings import environment

    environment.silent()
    _prepare(model)
    from pipeline.release import pictures
    from pipeline.release import predict as predicting

    console = Console()
    try:
        if as_json and as_csv:
            raise ValueError("got --json and --csv, wanted one of them.")
        chosen = _release(model)
        if not isinstance(chosen, Path):
            raise ValueError(f"{chosen} is in a bucket: fetch it first, with gcloud storage cp -r {chosen} .")
        if verify or key:
            from pipeline.release import verify as verifying

            verifying.check(chosen, key)
        given = pictures.find(images, stdin=sys.stdin.buffer)
        folders = any(Path(argument).is_dir() for argument in images)
        if top is None:
            top = 1 if as_csv or (folders and not as_json) else 5
        if as_json:
            predictions = predicting.predict(chosen, given, top=top, max_pixels=max_pixels)
            print(predicting.as_json(predictions))
        else:
            how = "csv" if as_csv else "lines" if folders else "table"
            predictions = _show(
                console, predicting.opened(chosen), images, given, top=top, how=how, max_pixels=max_pixels
            )
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    if faults := predicting.faults(predictions):
        raise failed(console, faults, code=EXIT_SOME_REFUSED)


def _show(
    console: Console,
    model: Opened,
    arguments: list[str],
    given: list[Given],
    *,
    top: int,
    how: Literal["csv", "lines", "table"],
    max_pixels: int,
) -> list[Prediction]:
    """Each picture as soon as there is an answer; the table of single pictures at the end."""
    from pipeline.release import listing, predict, score

    if top < 1:
        raise ValueError(f"--top is {top}, wanted at least 1.")
    names = [each.name for each in given]
    truth = score.true_classes(arguments, names, model.labels)
    shown = listing.shortest_names(names, arguments)
    columns = listing.Listing(list(shown.values()), model.labels, width=console.width if console.is_terminal else None)
    predictions = []
    if how == "csv":
        print(listing.csv_header(top))
    for each in predict.each(model, given, top=top + 1, max_pixels=max_pixels):
        predictions.append(answer := listing.for_people(each, top))
        if how == "csv":
            print(listing.csv_row(answer, top, truth.get(answer.image, "")), flush=True)
        elif how == "lines":
            for line in columns.lines(dataclasses.replace(answer, image=shown[answer.image])):
                say(console, line)
    predict.check_some(predictions)
    if how == "table":
        console.print(predict.table(predictions))
    elif how == "lines" and (result := score.score(predictions, truth)):
        for line in listing.score_lines(result):
            say(console, line)
    return predictions


def _prepare(model: str) -> None:
    """A .tflite file runs in a child, which imports what it needs while this process does so."""
    from trainer import limited_process

    if model.endswith(".tflite") or (Path(model) / "manifest.json").is_file():
        limited_process.prepare("trainer.tflite.child")


@app.command(rich_help_panel=Panel.MODELS)
def verify(
    bundle: Annotated[str, typer.Argument(help="A release bundle's folder, or gs://…/VARIANT/VERSION.")],
    key: _PublicKey = None,
    at_least: Annotated[
        int | None, typer.Option(metavar="VERSION", help="Refuse a release that is signed as an older version.")
    ] = None,
) -> None:
    """Check every byte of a release bundle against its manifest; with --key, its signature too.

    Exit code 0: whole (and signed by that key). 1: not, with one line for each file.
    """
    from pipeline.release import verify as verifying

    console = Console()
    try:
        release = _release(bundle)
        faults = verifying.faults(release, key, at_least=at_least)
        praise = "" if faults else verifying.praise(release, key)
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    if faults:
        raise failed(console, f"{release} is not what was released:\n  " + "\n  ".join(faults))
    say(console, praise)


@app.command(rich_help_panel=Panel.MODELS)
def sign(
    bundle: Annotated[str, typer.Argument(help="A release bundle's folder, or gs://…/VARIANT/VERSION.")],
    key: Annotated[
        Path,
        typer.Option("--key", metavar="KEY.pem", help="A private key on P-256, P-384 or P-521; stays where it is."),
    ],
) -> None:
    """Sign a release bundle with a key, offline; writes model.sig into it, as OpenSSF Model Signing lays down.

    A key: openssl ecparam -name prime256v1 -genkey -noout -out KEY.pem; openssl ec -in KEY.pem -pubout -out PUBLIC.pem
    """
    from components.release import signature, signing_key

    console = Console()
    try:
        release = _release(bundle)
        try:
            written = signature.sign(release, key)
        except signing_key.PasswordNeeded:
            password = typer.prompt(f"Password of {key}", hide_input=True, err=True)
            written = signature.sign(release, key, password=password.encode())
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    say(console, f"Signed: {written}")


def _release(text: str) -> Place:
    """The version that a destination's `latest` names; any other place as it is."""
    from components.release import gcs_path, versions

    return versions.resolve(gcs_path.place(text) if "://" in text else Path(text))
