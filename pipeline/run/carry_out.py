"""What `mobilenet run` does once its options are known to fit: runs the DAG, and shows what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer
from rich.console import Console

from pipeline.terminal.console import EXIT_ERROR, EXIT_INTERRUPTED, EXIT_NOT_BLESSED, failed, say

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.branch import Branch
    from pipeline.run.early import Seen
    from pipeline.run.local_run import Ran
    from pipeline.run.signing import Signer
    from pipeline.settings.local import Settings


def _beginning_with(branch: Branch, seen: Seen | None) -> Branch:
    """The branch with its checkpoint's digest, where it has one, and the classes that the data have."""
    from pipeline.settings.error import SettingsError

    if branch.start is None:
        return branch
    from trainer.slim import imported_model

    path = branch.start.path
    try:
        outputs = imported_model.read_classes(path)
        if seen and not branch.start.trained_on and outputs != seen.outputs:
            raise SettingsError(
                f"--float-checkpoint {path} has {outputs} outputs, and these pictures have {seen.outputs} classes, the "
                f"background included. To train it further for these, give --init-checkpoint {path}."
            )
        return branch.from_checkpoint(branch.start)
    except (ValueError, OSError) as error:
        raise SettingsError(str(error)) from error


def run(
    console: Console,
    settings: Settings,
    branches: Sequence[Branch],
    seen: Seen | None,
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
            branches = [_beginning_with(branch, seen) for branch in branches]
            ran = local_run.run(settings, branches, follower=follower, runner=runner, from_node=from_node, sign=sign)
        except local_run.NodeFailed as error:
            failure = str(error)
        except KeyboardInterrupt:
            failure = "interrupted."
        else:
            return ran, _pages(ran, settings.workdir)
    raise failed(
        console,
        f"{failure}\n{whole_story_of(settings, from_node)}",
        code=EXIT_INTERRUPTED if failure == "interrupted." else EXIT_ERROR,
    )


def _pages(ran: Ran, workdir: Path) -> list[str]:
    """Of several branches each has a page of its own."""
    from pipeline.report import report

    done = ran.outcomes
    if len(ran.branches) == 1:
        return [report.after_run(workdir, outcome.branch.variant) for outcome in done]
    return [report.after_run(workdir, outcome.branch.variant, several=True) for outcome in done]


def whole_story_of(settings: Settings, from_node: str | None) -> str:
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


def conclude(console: Console, ran: Ran, pages: Sequence[str], workdir: Path, whole_story: str) -> None:
    """The last screen, and the exit code: from the artifacts, not from the run."""
    from pipeline.run import last_words, results

    if ran.outcomes:
        say(console, results.pictures(ran.outcomes[0]))
    for shown in results.tables(ran):
        console.print(shown)
    for outcome in ran.outcomes if len(ran.branches) == 1 else ():
        for line in last_words.in_a_sentence(outcome, outcome.labels):
            say(console, line)
    for line in (*pages, *results.sentences(ran)):
        say(console, line)
    for line in last_words.next_commands(ran, workdir):
        say(console, line)
    if errors := results.errors(ran):
        raise failed(console, "\n".join((*errors, whole_story)))
    if not all(outcome.blessed for outcome in ran.outcomes):
        raise typer.Exit(EXIT_NOT_BLESSED)
