"""The command line. What a command needs is imported when it runs, so that `--help` is instant."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pipeline import (
    analysis_cli,
    benchmark_cli,
    cluster_cli,
    evaluate_cli,
    family_cli,
    ingest_cli,
    registry_cli,
    release_cli,
    report_cli,
    run_cli,
    zoo_cli,
)

app = typer.Typer(
    help="MobileNetV1 from pictures to a measured, blessed int8 TFLite file.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# In the order of the help's panels; each command names its own.
app.add_typer(run_cli.app)
app.add_typer(report_cli.app)
app.add_typer(ingest_cli.app)
app.add_typer(family_cli.app)
app.add_typer(zoo_cli.app)
app.add_typer(release_cli.app)
app.add_typer(registry_cli.app)
app.add_typer(evaluate_cli.app)
app.add_typer(benchmark_cli.app)
app.add_typer(analysis_cli.app)
app.add_typer(cluster_cli.app)


def main() -> None:
    """The console script."""
    app()


def _version(wanted: bool) -> None:
    if wanted:
        from importlib import metadata

        said = ", ".join(f"{name} {metadata.version(name)}" for name in ("tfx", "tensorflow"))
        print(f"mobilenet {metadata.version('mobilenet-pipeline')} ({said}, Python {sys.version.split()[0]})")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and the stack.", callback=_version, is_eager=True)
    ] = False,
) -> None:
    pass
