"""The command `mobilenet run`. What it needs is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.console import Console

from components.ingestion.rules import DEFAULT as DEFAULT_RULES
from components.ingestion.rules import Rules
from components.sources.wanted import ALL, Wanted
from pipeline.run import data_options
from pipeline.settings.local import Settings
from pipeline.terminal.console import EXIT_ERROR, EXIT_INTERRUPTED, EXIT_NOT_BLESSED, Panel, failed, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.branch import Branch, Start
    from pipeline.run.local_run import Ran
    from pipeline.run.signing import Signer

app = typer.Typer()


@app.command(rich_help_panel=Panel.RUN)
@data_options.taken
def run(
    context: typer.Context,
    data: Annotated[
        Path | None,
        typer.Option(
            help=data_options.FOLDER_HELP,
            show_default="the bundled pictures",
        ),
    ] = None,
    workdir: Annotated[Path, typer.Option(help="Artifacts, metadata, checkpoints, log, models.")] = Settings.workdir,
    variant: Annotated[str, typer.Option(help="Width multiplier and resolution, such as 0.25_128.")] = "0.25_64",
    variants: Annotated[
        str | None,
        typer.Option(
            metavar="LIST", help="Several, from one ingestion: 0.25_32,0.5_64, or 0.25_*, or all.", show_default=False
        ),
    ] = None,
    recipe: Annotated[
        str | None,
        typer.Option(
            help="A module of trainer/recipes/: how it trains.", show_default="auto; of the bundled pictures sample"
        ),
    ] = None,
    settings_file: Annotated[
        Path | None, typer.Option("--settings", help="Folders and bounds; options stand over it. See settings/.")
    ] = None,
    runner: Annotated[Literal["local", "beam"], typer.Option(help="TFX's LocalDagRunner or BeamDagRunner.")] = "local",
    beam_workers: Annotated[int, typer.Option(help="Processes for ingestion, statistics and evaluation.")] = 1,
    seed: Annotated[int | None, typer.Option(help="Instead of the recipe's.")] = None,
    from_scratch: Annotated[
        bool, typer.Option("--from-scratch", help="Quantize from the start; the float model is the baseline only.")
    ] = False,
    float_checkpoint: Annotated[
        Path | None,
        typer.Option(metavar="CKPT|TAR.GZ", help="A TF-Slim checkpoint that stands where the float training stood."),
    ] = None,
    init_checkpoint: Annotated[
        Path | None,
        typer.Option(metavar="CKPT|TAR.GZ", help="A TF-Slim checkpoint to fine-tune in float; other classes are fine."),
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="The checkpoint's weights themselves, not their moving averages.")
    ] = False,
    push_destination: Annotated[
        str, typer.Option(metavar="DIR|gs://…", help="Where bundles go.", show_default="WORKDIR/models")
    ] = Settings.push_destination,
    sign: Annotated[
        Path | None, typer.Option(metavar="KEY.pem", help="Sign what is pushed, as mobilenet sign does; asked first.")
    ] = None,
    from_node: Annotated[
        str | None, typer.Option("--from", metavar="NODE", help="Run this node and all behind it again.")
    ] = None,
    no_cache: Annotated[bool, typer.Option("--no-cache", help="Run every node, changed or not.")] = False,
    floor: Annotated[
        float,
        typer.Option(
            help="The least top-1 of an int8 file worth shipping.", show_default="above the largest class's share"
        ),
    ] = Settings.floor,
    margin: Annotated[
        float, typer.Option(help="How far its top-1 may truly be under the float model's, as a fraction.")
    ] = Settings.margin,
    class_margin: Annotated[
        float, typer.Option(help="The share of a class's pictures whose loss is not held against the file.")
    ] = Settings.class_margin,
    max_lost: Annotated[
        float, typer.Option(help="The share of classes that may lose more than that, or never be found.")
    ] = Settings.max_lost,
    wanted: Wanted = ALL,
    rules: Rules = DEFAULT_RULES,
) -> None:
    """Take pictures through the whole DAG: train, quantize, convert, evaluate, bless, bundle, push.

    With several variants, one that fails or is not blessed does not stop the others.
    Exit code 0: every bundle is at its destination. 3: one was not blessed. 1: an error. 130: interrupted.
    """
    from pipeline.branch import Branch
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
            "enable_cache": not no_cache,
        }  # fmt: skip
        settings = _settings(settings_file, {name: value for name, value in options.items() if _given(context, name)})
        where.check(settings)
        names = _names(context, variant, variants)
        recipe = recipe or ("sample" if settings.data == where.SAMPLE else "auto")
        branches = [Branch.of(name, recipe, seed=seed, from_scratch=from_scratch) for name in names]
        start = _start(float_checkpoint, init_checkpoint, raw, branches)
        signer = _signer(sign)
        environment.set_beam_workers(beam_workers)
        environment.quiet()
        ran, pages = _run(console, settings, branches, start, signer, runner, from_node)
    except (SettingsError, VariantError, RecipeError, OSError) as error:
        raise failed(console, str(error)) from None
    _conclude(console, ran, pages, _whole_story(settings, from_node))


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


def _beginning_with(branch: Branch, start: Start | None) -> Branch:
    from pipeline.settings.error import SettingsError

    try:
        return branch.from_checkpoint(start) if start else branch
    except (ValueError, OSError) as error:
        raise SettingsError(str(error)) from error


def _run(
    console: Console,
    settings: Settings,
    branches: Sequence[Branch],
    start: Start | None,
    sign: Signer | None,
    runner: Literal["local", "beam"],
    from_node: str | None,
) -> tuple[Ran, list[str]]:
    """And what the last screen says of the pages."""
    from pipeline.terminal import progress

    names = ", ".join(branch.variant.name for branch in branches)
    say(console, f"{names} on {settings.data}; all else is in {settings.workdir}")
    _say_newest(console, settings)
    with progress.following(settings.log) as follower:
        from pipeline.run import local_run  # Within: TensorFlow has much to say when it is imported.

        try:
            branches = [_beginning_with(branch, start) for branch in branches]
            ran = local_run.run(settings, branches, follower=follower, runner=runner, from_node=from_node, sign=sign)
        except local_run.NodeFailed as error:
            failure = str(error)
        except KeyboardInterrupt:
            failure = "interrupted."
        else:
            return ran, _pages(ran, settings.workdir)
    raise failed(
        console,
        f"{failure}\n{_whole_story(settings, from_node)}",
        code=EXIT_INTERRUPTED if failure == "interrupted." else EXIT_ERROR,
    )


def _pages(ran: Ran, workdir: Path) -> list[str]:
    """Of several branches each has a page of its own."""
    from pipeline.report import report

    done = ran.outcomes
    if len(ran.branches) == 1:
        return [report.after_run(workdir, outcome.branch.variant) for outcome in done]
    return [report.after_run(workdir, outcome.branch.variant, several=True) for outcome in done]


def _whole_story(settings: Settings, from_node: str | None) -> str:
    again = "The same command again" if settings.enable_cache and not from_node else "Without --no-cache and --from it"
    return f"The whole story is in {settings.log}. {again} goes on from here."


def _say_newest(console: Console, settings: Settings) -> None:
    """Where the data's folder has {SPAN} in its name: which one that is now."""
    if "{" not in str(settings.data):
        return
    from components.data_error import DataError
    from pipeline.settings.error import SettingsError
    from pipeline.terminal import silence

    silence.import_tensorflow()  # With which TFX's spans come, before there is a log.
    from components.sources import spans

    try:
        say(console, f"{spans.newest(str(settings.data)).folder} is the newest.")
    except DataError as error:
        raise SettingsError(str(error)) from error


def _conclude(console: Console, ran: Ran, pages: Sequence[str], whole_story: str) -> None:
    """The last screen, and the exit code: from the artifacts, not from the run."""
    from pipeline.run import results

    if ran.outcomes:
        say(console, results.pictures(ran.outcomes[0]))
    for shown in results.tables(ran):
        console.print(shown)
    for line in (*pages, *results.sentences(ran)):
        say(console, line)
    if errors := results.errors(ran):
        raise failed(console, "\n".join((*errors, whole_story)))
    if not all(outcome.blessed for outcome in ran.outcomes):
        raise typer.Exit(EXIT_NOT_BLESSED)
