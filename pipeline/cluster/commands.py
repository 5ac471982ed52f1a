"""The commands for clusters: compile, check, run-compiled, submit, runs. What they need is imported when they run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.run import recipe_options
from pipeline.terminal.console import EXIT_ERROR, EXIT_INTERRUPTED, Panel, failed, say, status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pipeline.cluster.runs import Run
    from pipeline.compiled.compiled_file import Compiled
    from pipeline.emulator.runner import RunResult, TaskRun
    from pipeline.settings.cluster import KubeflowSettings, VertexSettings

Target = Literal["vertex", "kubeflow"]
PIPELINE = Path("pipeline.yaml")

app = typer.Typer()

_File = Annotated[Path, typer.Argument(help="The compiled file.")]
_Settings = Annotated[
    Path | None,
    typer.Option("--settings", help="Where it runs; settings/ has examples.", show_default=False),
]
_Parameter = Annotated[
    list[str], typer.Option("--parameter", metavar="NAME=VALUE", help="A run's parameter. Repeatable.")
]


@app.command(name="compile", rich_help_panel=Panel.CLUSTERS)
def compile_(
    variants: Annotated[
        str, typer.Option(metavar="LIST", help="One or several: 0.25_64,0.5_128, or 0.25_*, or all.")
    ] = "0.25_64",
    recipe: Annotated[
        str,
        typer.Option(metavar="NAME|FILE", help="How it trains: a module of trainer/recipes/, or a .py or .yaml file."),
    ] = "sample",
    from_scratch: Annotated[bool, typer.Option("--from-scratch", help="Quantize from the start.")] = False,
    settings: _Settings = None,
    output: Annotated[Path, typer.Option(help="The file to write.")] = PIPELINE,
) -> None:
    """Write the DAG as a PipelineSpec 2.1 (YAML), which Vertex AI Pipelines and Kubeflow Pipelines 2 take.

    Without --settings it is the file for everybody: images and resources come when it is submitted.
    """
    from pipeline.branch import Branch
    from pipeline.compiled import compiled_file
    from pipeline.terminal import silence
    from pipeline.variants import parse

    console = Console()
    try:
        branches = [Branch.of(each.name, recipe, from_scratch=from_scratch) for each in parse(variants)]
        chosen = _load(settings) if settings else None
        silence.import_tensorflow()
        from pipeline.compiled import compiler

        compiled = compiler.compile_pipeline(compiler.DEFAULTS, branches)
        if chosen:
            compiled = _placed(compiled, chosen)
        compiled_file.write(output, compiled, comment=compiler.comment(compiled))
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    say(console, f"{output}: {len(compiled.nodes)} nodes, {len(compiled.parameters)} parameters.")


@app.command(rich_help_panel=Panel.CLUSTERS)
def check(
    file: _File = PIPELINE,
    target: Annotated[Target, typer.Option(help="Which backend's rules.")] = "vertex",
    settings: _Settings = None,
    kfp_version: Annotated[
        str, typer.Option(metavar="RELEASE", help="Of Kubeflow Pipelines: 2.17, or next for the next major release.")
    ] = "2.17",
) -> None:
    """Look for everything that Vertex AI or Kubeflow would stumble over, beyond what their loaders look at."""
    from pipeline.checks import check as checking
    from pipeline.checks import releases
    from pipeline.checks.sizes import Sizes

    console = Console()
    try:
        release = releases.parse(kfp_version)
        problems = checking.check_file(file, target, settings, release)
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    for problem in problems:
        say(console, f"{problem.task}: {problem.fault} {problem.mend}")
    if problems:
        faults = "1 fault" if len(problems) == 1 else f"{len(problems)} faults"
        raise failed(console, f"{faults}: {target} would not run {file}.")
    placed = f"placed with {settings}" if settings else f"placed with the example, settings/{target}.yaml"
    say(console, f"{file}, {placed}: nothing that {target} would stumble over.")
    if target == "kubeflow":
        say(console, str(Sizes.of(checking.placed_file(file, target, settings).spec)))


@app.command(name="run-compiled", rich_help_panel=Panel.CLUSTERS)
def run_compiled(
    file: _File = PIPELINE,
    parameter: _Parameter = [],  # noqa: B006 - typer copies it.
    recipe_set: recipe_options.Changes = [],  # noqa: B006
    backend: Annotated[Target, typer.Option("--as", help="Whose ways of calling a node.")] = "vertex",
    workdir: Annotated[Path, typer.Option(help="Artifacts, logs, cache.")] = Path("runs/compiled"),
    in_process: Annotated[bool, typer.Option("--in-process", help="No subprocess for each node: faster.")] = False,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Run every node.")] = False,
) -> None:
    """Run the compiled file on this machine as the backend would: drivers, importers, containers, conditions, cache.

    Unless parameters say otherwise, on the bundled pictures, with models/ of the work directory as push destination.
    """
    from pipeline.cluster import run_parameters
    from pipeline.compiled import compiled_file
    from pipeline.settings import environment
    from pipeline.settings import local as where
    from pipeline.terminal import progress

    console = Console()
    environment.quiet()
    try:
        compiled = compiled_file.read(file)
        here = {"data": str(where.SAMPLE), "push_destination": str((workdir / "models").absolute())}
        given = {name: value for name, value in here.items() if name in compiled.parameters} | _given(parameter)
        values = run_parameters.values(compiled, settings=None, given=given, recipe_set=recipe_set)
        where.check_workdir(workdir)
        say(console, f"{file} as {backend} would run it, in {workdir}; each task's log is in {workdir / 'logs'}")
        with progress.output_to(workdir / "log.txt") as terminal:
            from pipeline.emulator import runner as ir_runner  # Within: TensorFlow has much to say when it is imported.

            shown = Console(file=terminal)
            tasks = len([*compiled_file.called(compiled.spec)])
            with status(shown, f"0 of {tasks} tasks") as update:
                result = ir_runner.run(
                    compiled, parameters=values, workdir=workdir, in_process=in_process, backend=backend,
                    cache=not no_cache, report=_task_reporter(shown, update, tasks),
                )  # fmt: skip
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    except KeyboardInterrupt:
        raise failed(console, "interrupted. The same command goes on from here.", code=EXIT_INTERRUPTED) from None
    console.print(ir_runner.table(result))
    for line in _outcomes(result):
        say(console, line)
    if not result.ok:
        raise typer.Exit(EXIT_ERROR)


@app.command(rich_help_panel=Panel.CLUSTERS)
def submit(
    target: Annotated[Target, typer.Argument(help="Where to.")],
    settings: _Settings = None,
    file: Annotated[Path, typer.Option("--pipeline", help="The compiled file.")] = PIPELINE,
    parameter: _Parameter = [],  # noqa: B006
    recipe_set: recipe_options.Changes = [],  # noqa: B006
    schedule: Annotated[str | None, typer.Option(metavar="CRON", help="Five fields, UTC: run again and again.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Follow the run to its end; exit code 1 if it fails.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the request and send nothing.")] = False,
) -> None:
    """Check the compiled file with the settings applied, and start it on Vertex AI or Kubeflow; prints the run's page.

    Nothing is sent where the check finds a fault. Exit code 130: Ctrl-C while waiting, which leaves the run alone.
    """
    from pipeline.cluster import submit as submitting
    from pipeline.settings import environment

    console = Console()
    environment.silent()
    try:
        chosen = _of_target(settings, target)
        given = _given(parameter)
        submission = submitting.prepare(file, chosen, given=given, recipe_set=recipe_set, schedule=schedule)
        if dry_run:
            say(console, submitting.as_text(submission).rstrip())
            return
        submitted = submitting.send(submission, wait=wait, report=_reporter(console))
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None
    say(console, f"{submitted.run_id}: {submitted.state}\n{submitted.page}")
    if wait and submitted.state not in ("succeeded", "scheduled"):
        raise failed(console, f"the run {submitted.state}.")


@app.command(rich_help_panel=Panel.CLUSTERS)
def runs(
    target: Annotated[Target, typer.Argument(help="Where.")],
    settings: _Settings = None,
    follow: Annotated[str | None, typer.Option(metavar="RUN", help="Follow this run to its end.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100, help="How many of the latest to list.")] = 20,
) -> None:
    """List the pipeline's runs on Vertex AI or Kubeflow, or follow one."""
    from pipeline.cluster import submit as submitting
    from pipeline.settings import environment

    console = Console()
    environment.silent()
    try:
        chosen = _of_target(settings, target)
        backend = submitting.backend(chosen)
        if follow is None:
            _show_runs(console, backend.runs(chosen, _reporter(console), limit=limit))
            return
        run = backend.follow(chosen, follow, _reporter(console))
    except (ValueError, OSError) as error:
        raise failed(console, str(error)) from None
    except KeyboardInterrupt:
        raise typer.Exit(EXIT_INTERRUPTED) from None
    if run.state != "succeeded":
        raise failed(console, f"{run.name} {run.state}: {run.page}")


def _task_reporter(console: Console, update: Callable[[str], None], tasks: int) -> Callable[[TaskRun], None]:
    ended = 0

    def report(task: TaskRun) -> None:
        nonlocal ended
        ended += 1
        update(f"{ended} of {tasks} tasks")
        say(console, f"{task.task}: {task.state}, {task.seconds:.1f} s")

    return report


def _outcomes(result: RunResult) -> Iterator[str]:
    """What the gates said and where bundles lie, as the artifacts' metadata has it."""
    for task in result.tasks:
        for artifact in (each for group in task.artifacts.values() for each in group):
            for said in ("reason", "pushed_destination"):
                if text := artifact.get("metadata", {}).get(said):
                    yield f"{task.task}: {text}"


def _load(path: Path) -> VertexSettings | KubeflowSettings:
    from pipeline.settings import settings_file
    from pipeline.settings.error import SettingsError
    from pipeline.settings.local import Settings

    loaded = settings_file.load(path)
    if isinstance(loaded, Settings):
        raise SettingsError(f"{path} is for this machine: wanted target vertex or kubeflow.")
    return loaded


def _of_target(path: Path | None, target: Target) -> VertexSettings | KubeflowSettings:
    from pipeline.settings.error import SettingsError

    if path is None:
        raise SettingsError(
            f"--settings FILE says where: start from settings/{target}.yaml, which explains every field."
        )
    loaded = _load(path)
    if loaded.target != target:
        raise SettingsError(f"{path} is for {loaded.target}, wanted target: {target}.")
    return loaded


def _given(parameters: list[str]) -> dict[str, str]:
    from pipeline.cluster import run_parameters

    return run_parameters.parse(parameters)


def _reporter(console: Console) -> Callable[[str], None]:
    return lambda line: say(console, line)


def _show_runs(console: Console, listed: list[Run]) -> None:
    """As a table where it fits: a run's id and page must be whole, to be copied."""
    table = _runs_table(listed)
    whole = console.measure(table, options=console.options.update(max_width=10_000)).maximum
    if whole <= console.width:
        console.print(table)
        return
    for run in listed:
        started = f", since {run.started:%Y-%m-%d %H:%M}" if run.started else ""
        minutes = "" if run.minutes is None else f", {run.minutes:.0f} minutes"
        say(console, f"{run.id}: {run.state}{started}{minutes}\n  {run.page}")


def _runs_table(listed: list[Run]) -> Table:
    table = Table()
    for name in ("run", "state", "started", "minutes", "page"):
        table.add_column(name, overflow="fold", justify="right" if name == "minutes" else "left")
    for run in listed:
        started = f"{run.started:%Y-%m-%d %H:%M}" if run.started else ""
        minutes = "" if run.minutes is None else f"{run.minutes:.0f}"
        table.add_row(escape(run.id), run.state, started, minutes, escape(run.page))
    return table


def _placed(compiled: Compiled, settings: VertexSettings | KubeflowSettings) -> Compiled:
    from pipeline.compiled import placement

    return placement.place(compiled, settings)
