"""The commands that use a release: predict, verify, sign. What they need is imported when they run."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from pipeline.terminal.console import EXIT_SOME_REFUSED, Panel, failed, say
from trainer.pictures.limits import MAX_PIXELS

if TYPE_CHECKING:
    from components.release.gcs_path import Place

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
    top: Annotated[int, typer.Option(help="How many classes to show.")] = 5,
    max_pixels: Annotated[int, typer.Option(help="Larger pictures are refused.", min=1)] = MAX_PIXELS,
    as_json: Annotated[bool, typer.Option("--json", help="For programs.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Refuse a bundle that is not whole to the byte.")] = False,
    key: _PublicKey = None,
) -> None:
    """Show the classes and probabilities of pictures, preprocessed and named as the model says of itself.

    A .tflite file runs on ai-edge-litert, without TensorFlow. --key implies --verify.
    Exit code 4: some pictures could not be read; the others were predicted.
    """
    from pipeline.settings import environment

    environment.silent()
    from pipeline.release import pictures
    from pipeline.release import predict as predicting

    console = Console()
    try:
        chosen = _release(model)
        if not isinstance(chosen, Path):
            raise ValueError(f"{chosen} is in a bucket: fetch it first, with gcloud storage cp -r {chosen} .")
        if verify or key:
            from pipeline.release import verify as verifying

            verifying.check(chosen, key)
        given = pictures.find(images, stdin=sys.stdin.buffer)
        predictions = predicting.predict(chosen, given, top=top, max_pixels=max_pixels)
    except (ValueError, OSError) as error:
        raise failed(Console(stderr=True) if as_json else console, str(error)) from None
    if as_json:
        print(predicting.as_json(predictions))
    else:
        console.print(predicting.table(predictions))
    if faults := predicting.faults(predictions):
        raise failed(Console(stderr=True), faults, code=EXIT_SOME_REFUSED)


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
