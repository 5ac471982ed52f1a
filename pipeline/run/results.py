"""The last screen of a run: the pictures, what was measured on the float models and on the files that ship, and how
each branch ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.table import Table

if TYPE_CHECKING:
    from components.evaluation.scores import Scores
    from components.release.gcs_path import Place
    from pipeline.run.local_run import Outcome, Ran


def tables(ran: Ran) -> Iterator[Table]:
    """Of one branch its own; of several one for all, with how each ended."""
    if len(ran.branches) == 1:
        yield from map(table, ran.outcomes)
    else:
        yield family(ran)


def table(outcome: Outcome) -> Table:
    """Model, top-1, top-5, bytes."""
    evaluation = outcome.evaluation
    result = Table(title=f"MobileNetV1 {outcome.branch.variant.name} on {evaluation.candidate.pictures:,} pictures")
    for name in ("model", "top-1", "top-5", "bytes"):
        result.add_column(name, justify="left" if name == "model" else "right")
    result.add_row("float", *_shares(evaluation.baseline), f"{outcome.float_bytes:,}")
    result.add_row("int8 .tflite", *_shares(evaluation.candidate), f"{outcome.int8_bytes:,}")
    return result


def family(ran: Ran) -> Table:
    """Variant, float and int8: top-1 and top-5, the bytes of the file that ships, and how it ended."""
    result = Table(title=f"MobileNetV1, {len(ran.branches)} variants")
    for name in ("variant", "float", "top-5", "int8", "top-5", "int8 bytes", ""):
        result.add_column(name, justify="left" if name in ("variant", "") else "right", overflow="fold")
    done = {outcome.branch.variant.name: outcome for outcome in ran.outcomes}
    for each in ran.branches:
        name = each.branch.variant.name
        if outcome := done.get(name):
            shares = (*_shares(outcome.evaluation.baseline), *_shares(outcome.evaluation.candidate))
            result.add_row(name, *shares, f"{outcome.int8_bytes:,}", _ended(outcome))
        else:
            result.add_row(name, *[""] * 5, "failed")
    return result


def sentences(ran: Ran) -> Iterator[str]:
    """Where the bundles lie and why, or why there is none; where the zoo's page is."""
    for outcome in ran.outcomes:
        name = "" if len(ran.branches) == 1 else f"{outcome.branch.variant.name}: "
        if outcome.pushed_to:
            signed = " (signed)" if outcome.signed else ""
            reason = f"\n{outcome.reason}" if not name else ""
            yield f"{name}Blessed and pushed: {outcome.pushed_to}{signed}{reason}"
        elif not outcome.blessed:
            yield f"{name}Not blessed, so not pushed.\n{outcome.reason}"
    if not isinstance(ran.zoo, Exception) and (any(each.pushed_to for each in ran.outcomes) or _holds_any(ran.zoo)):
        yield f"All that was pushed, as a table and a page: {ran.zoo / 'zoo.html'}"


def _holds_any(zoo: Place) -> bool:
    """Whether the table has a row: of this run's bundles or of earlier ones."""
    try:
        return bool(json.loads((zoo / "zoo.json").read_bytes())["models"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def errors(ran: Ran) -> list[str]:
    """What an exit code of 1 is for, each with the branch that it is about."""
    several = len(ran.branches) > 1
    found = [f"{each.branch.variant.name}: {each.error}" if several else str(each.error) for each in ran.failures]
    for outcome in ran.outcomes:
        if outcome.blessed and not outcome.pushed_to:
            name = f"{outcome.branch.variant.name}: " if several else ""
            found.append(f"{name}blessed, but the bundle is not whole at its destination. Run the same command again.")
    return [*found, str(ran.zoo)] if isinstance(ran.zoo, Exception) else found


def pictures(outcome: Outcome) -> str:
    """What ingestion made of the folder, in a line; where the names are, if anything was refused or converted."""
    splits = outcome.report["splits"]
    counts = " + ".join(f"{split['pictures']:,} {name}" for name, split in splits.items())
    odd = {kind: sum(split[kind] for split in splits.values()) for kind in ("refused", "converted")}
    said = ", ".join(f"{count:,} {kind}" for kind, count in odd.items() if count)
    return f"{counts} pictures of {outcome.report['classes']} classes" + (
        f"; {said}: {outcome.report_file}" if said else ""
    )


def _ended(outcome: Outcome) -> str:
    if outcome.pushed_to:
        return f"pushed, version {outcome.pushed_to.name}"
    return "blessed, not whole" if outcome.blessed else "not blessed"


def _shares(scores: Scores) -> tuple[str, str]:
    return f"{scores.top1_count / scores.pictures:.2%}", f"{scores.top5_count / scores.pictures:.2%}"
