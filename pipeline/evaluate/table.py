"""An evaluation for people at a terminal: the models, and how they do where they do worst."""

from __future__ import annotations

from collections.abc import Iterator

from rich.table import Table

from components.evaluation.intervals import Interval, drop_interval
from components.evaluation.scores import Evaluation, Scores, Slice

_MOST_COLUMNS = 4  # Models beside each other: more do not fit into a terminal of 80 columns and their intervals.


def tables(evaluation: Evaluation) -> Iterator[Table]:
    """All pictures; each against the baseline; slices, where there are any."""
    yield _models(evaluation)
    if evaluation.overall.pairs:
        yield _against(evaluation)
    if evaluation.slices:
        yield _slices(evaluation)


def _models(evaluation: Evaluation) -> Table:
    scores = evaluation.overall.scores
    pictures = next(iter(scores.values())).pictures
    table = Table(title=f"{pictures:,} pictures; 95 % intervals")
    _columns(table, "model", "top-1", "top-5", "cross entropy", "calibration error")
    for name, found in scores.items():
        table.add_row(
            name,
            f"{found.top1:.2%} {_range(found.top1_interval)}",
            f"{found.top5:.2%} {_range(found.top5_interval)}",
            f"{found.cross_entropy:.4f}",
            f"{found.calibration.error:.2%}" if found.calibration else "",
        )
    return table


def _against(evaluation: Evaluation) -> Table:
    table = Table(title=f"Against {evaluation.baseline_name}")
    _columns(table, "model", "drop of top-1", "only the baseline right", "only this one right", "same class")
    for name, pairs in evaluation.overall.pairs.items():
        lost, gained = int(pairs.only_baseline.sum()), int(pairs.only_candidate.sum())
        interval = drop_interval(only_baseline=lost, only_candidate=gained, pictures=pairs.pictures)
        drop = f"{(lost - gained) / pairs.pictures:+.2%} {_range(interval)}"
        table.add_row(name, drop, f"{lost:,}", f"{gained:,}", f"{pairs.agreement:.2%}")
    return table


def _slices(evaluation: Evaluation) -> Table:
    """The worst first, by the first model's top-1."""
    names = list(evaluation.overall.scores)
    table = Table(title="Slices, top-1, the worst first")
    wide = len(names) > _MOST_COLUMNS  # Then each model has a row of its own.
    _columns(table, "slice", "pictures", *(("model", "top-1") if wide else names))

    def top1(of_slice: Slice) -> float:
        return of_slice.scores[names[0]].top1

    for of_slice in sorted(evaluation.slices, key=top1):
        found = of_slice.scores
        shares = [_share(found[name]) for name in names]
        said = (f"{of_slice.feature}: {of_slice.value}", f"{found[names[0]].pictures:,}")
        rows = [(name, share) for name, share in zip(names, shares, strict=True)] if wide else [shares]
        for place, row in enumerate(rows):
            table.add_row(*(said if place == 0 else ("", "")), *row)
    return table


def _share(scores: Scores) -> str:
    return f"{scores.top1:.2%} {_range(scores.top1_interval)}"


def _range(interval: Interval) -> str:
    return f"[dim]{100 * interval.low:.2f}–{100 * interval.high:.2f}[/]"


def _columns(table: Table, *names: str) -> None:
    for place, name in enumerate(names):
        table.add_column(name, justify="right" if place else "left", overflow="fold")
