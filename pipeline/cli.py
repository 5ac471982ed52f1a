"""The command line. What a command needs is imported when it runs, so that `--help` is instant."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pipeline.analysis import commands as analysis_commands
from pipeline.benchmark import commands as benchmark_commands
from pipeline.clean import commands as clean_commands
from pipeline.cluster import commands as cluster_commands
from pipeline.cluster import registry_commands
from pipeline.evaluate import commands as evaluate_commands
from pipeline.family import commands as family_commands
from pipeline.family import zoo_commands
from pipeline.ingest import commands as ingest_commands
from pipeline.project import commands as project_commands
from pipeline.release import commands as release_commands
from pipeline.report import commands as report_commands
from pipeline.run import commands as run_commands
from pipeline.terminal import last_resort
from pipeline.terminal.aliases import Commands

app = typer.Typer(
    cls=Commands,
    help="MobileNetV1 from pictures to a measured, blessed int8 TFLite file.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
# In the order of the help's panels; each command names its own.
app.add_typer(run_commands.app)
app.add_typer(project_commands.app)
app.add_typer(report_commands.app)
app.add_typer(clean_commands.app)
app.add_typer(ingest_commands.app)
app.add_typer(family_commands.app)
app.add_typer(zoo_commands.app)
app.add_typer(release_commands.app)
app.add_typer(registry_commands.app)
app.add_typer(evaluate_commands.app)
app.add_typer(benchmark_commands.app)
app.add_typer(analysis_commands.app)
app.add_typer(cluster_commands.app)


def main() -> None:
    """The console script."""
    last_resort.run(app)


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
