"""The command `mobilenet run`. What it needs is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from components.ingestion.rules import DEFAULT as DEFAULT_RULES
from components.ingestion.rules import Rules
from components.sources.wanted import ALL, Wanted
from pipeline.run import data_options
from pipeline.run.carry_out import conclude as _conclude
from pipeline.run.carry_out import run as _run
from pipeline.run.carry_out import whole_story_of
from pipeline.run.run_options import ReleaseOptions, RunningOptions, TrainingOptions
from pipeline.settings.local import Settings
from pipeline.terminal import option_groups
from pipeline.terminal.console import Panel, failed, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.branch import Branch, Start
    from pipeline.run.signing import Signer

app = typer.Typer()


@app.command(rich_help_panel=Panel.RUN)
@option_groups.taken(data_options.PANEL)
def run(
    context: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel=data_options.PANEL, help=data_options.FOLDER_HELP, show_default="the bundled pictures"
        ),
    ] = None,
    running: RunningOptions = RunningOptions(),  # noqa: B008 - they are frozen.
    training: TrainingOptions = TrainingOptions(),  # noqa: B008
    release: ReleaseOptions = ReleaseOptions(),  # noqa: B008
    sign: Annotated[
        Path | None,
        typer.Option(
            rich_help_panel="Release",
            metavar="KEY.pem",
            help="Sign what is pushed, as mobilenet sign does; asked first.",
        ),
    ] = None,
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
    from pipeline.run import early, early_notes
    from pipeline.settings import environment
    from pipeline.settings.error import SettingsError
    from trainer.network.variant import VariantError
    from trainer.recipe import RecipeError

    console = Console()
    options = {
        "data": data, **vars(wanted), **vars(rules), **vars(release), "workdir": running.workdir,
        "enable_cache": not running.no_cache,
    }  # fmt: skip
    try:
        settings = _settings(running.settings_file, {n: value for n, value in options.items() if _given(context, n)})
        branches = _branches(context, settings, training)
        signer = _signer(sign)
        environment.set_beam_workers(running.beam_workers)
        seen = early.check(settings, branches, from_node=running.from_node)
        for note in early_notes.of(settings, seen):
            say(console, note)
        environment.quiet()
        ran, pages = _run(console, settings, branches, seen, signer, running.runner, running.from_node)
    except (SettingsError, VariantError, RecipeError, OSError) as error:
        raise failed(console, str(error)) from None
    _conclude(console, ran, pages, settings.workdir, whole_story_of(settings, running.from_node))


def _given(context: typer.Context, setting: str) -> bool:
    """Whether the command line says it; the file of settings says the rest."""
    option = "no_cache" if setting == "enable_cache" else setting
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


def _settings(path: Path | None, given: dict[str, Any]) -> Settings:
    import dataclasses

    from pipeline.settings import local
    from pipeline.settings.error import SettingsError

    loaded: Any = Settings()
    if path:
        from pipeline.settings import settings_file  # With pydantic, which takes its time.

        loaded = settings_file.load(path)
    if not isinstance(loaded, Settings):
        raise SettingsError(f"{path} is for {loaded.target}, wanted target: local. mobilenet submit is for clusters.")
    settings = dataclasses.replace(loaded, **given)
    local.check(settings)
    return settings


def _branches(context: typer.Context, settings: Settings, training: TrainingOptions) -> list[Branch]:
    """One for each variant, all by the same recipe."""
    import dataclasses

    from pipeline import recipe_changes
    from pipeline.branch import Branch
    from pipeline.settings.local import SAMPLE

    recipe = training.recipe or ("sample" if settings.data == SAMPLE else "auto")
    changes = recipe_changes.all_of(training.recipe_set, training.batch_size)
    options = {
        "seed": training.seed, "from_scratch": training.from_scratch, "epochs": training.epochs, "changes": changes,
    }  # fmt: skip
    branches = [Branch.of(name, recipe, **options) for name in _names(context, training)]
    start = _start(training, branches)
    return [dataclasses.replace(branch, start=start) for branch in branches] if start else branches


def _names(context: typer.Context, training: TrainingOptions) -> list[str]:
    from pipeline.settings.error import SettingsError
    from pipeline.variants import parse

    if training.variants is None:
        return [training.variant]
    if _given(context, "variant"):
        raise SettingsError(f"--variant {training.variant} and --variants {training.variants}: wanted one of them.")
    return [each.name for each in parse(training.variants)]


def _start(training: TrainingOptions, branches: Sequence[Branch]) -> Start | None:
    from pipeline.branch import Start
    from pipeline.settings.error import SettingsError

    path = training.float_checkpoint or training.init_checkpoint
    if training.float_checkpoint and training.init_checkpoint:
        raise SettingsError("--float-checkpoint and --init-checkpoint: wanted one of them.")
    if path and len(branches) > 1:
        raise SettingsError(f"{path} is of one width: wanted one --variant with it, got {len(branches)} variants.")
    return Start(path.absolute(), raw=training.raw, trained_on=path == training.init_checkpoint) if path else None


def _signer(key: Path | None) -> Signer | None:
    from pipeline.run import signing

    return signing.signer(key, lambda: typer.prompt(f"Password of {key}", hide_input=True, err=True)) if key else None
