"""What `mobilenet predict` shows of folders: each picture's guesses, and how many were right, if that is known."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.release.predict import Guess, Prediction, printable
from pipeline.release.score import Score

BACKGROUND = "background"  # Output 0 of our models stands for no class: it is no answer to show.
_SHARE = len("100.0%")
_GAP = "  "


class Listing:
    """Lays out pictures and their guesses in columns that are known before the first picture is.

    Args:
      pictures: the names of all that will be shown.
      labels: the model's classes.
      width: of the terminal in characters; None where it is none, and lines may be as long as they like.
    """

    def __init__(self, pictures: Sequence[str], labels: Sequence[str], *, width: int | None) -> None:
        self._picture = max(map(len, map(printable, pictures)), default=0)
        self._label = max(map(len, map(printable, labels)), default=0)
        needed = self._picture + self._label + _SHARE + 2 * len(_GAP)
        self._in_columns = width is None or needed <= width

    def lines(self, prediction: Prediction) -> Iterator[str]:
        """A line for each guess, the picture's name before the first, or above them where both have no room."""
        name = printable(prediction.image)
        if not prediction.guesses:
            return
        if not self._in_columns:
            yield name
            name = ""
        for guess in prediction.guesses:
            start = f"{name:{self._picture}}{_GAP}" if self._in_columns else _GAP
            yield f"{start}{printable(guess.label):{self._label}}{_GAP}{guess.probability:{_SHARE}.1%}"
            name = ""


def for_people(prediction: Prediction, top: int) -> Prediction:
    """The `top` best guesses without the background."""
    kept = [guess for guess in prediction.guesses if not is_background(guess)]
    return Prediction(prediction.image, tuple(kept[:top]), prediction.fault)


def is_background(guess: Guess) -> bool:
    """Whether this is the output that stands for no class."""
    return guess.index == 0 and guess.label == BACKGROUND


def score_lines(score: Score, *, worst: int = 10) -> Iterator[str]:
    """How many were right, of all and of the classes of which fewest were."""
    yield ""
    mean = f"; the mean over {len(score.classes):,} classes is {score.balanced:.1%}" if len(score.classes) > 1 else ""
    share = f"{score.right / score.pictures:.1%}"
    yield f"{score.right:,} of {score.pictures:,} right ({share}), going by the folders' names{mean}"
    listed = score.classes[:worst]
    wide = max(len(printable(each.name)) for each in listed)
    for each in listed:
        yield f"{_GAP}{printable(each.name):{wide}}{_GAP}{each.right:,} of {each.pictures:,} right ({each.recall:.0%})"
    if len(score.classes) > worst:
        yield f"{_GAP}and {len(score.classes) - worst:,} classes of which more were right"


def csv_header(top: int) -> str:
    """The names of the columns of `csv_row`."""
    guesses = [name for place in range(1, top + 1) for name in _columns(place)]
    return _row(["image", *guesses, "true_class", "error"])


def csv_row(prediction: Prediction, top: int, true_class: str) -> str:
    """A picture as a line of CSV: guesses, the class that its folder names, and why it could not be read."""
    cells = [cell for guess in prediction.guesses for cell in (guess.label, f"{guess.probability:.6f}")]
    cells += [""] * (2 * top - len(cells))
    return _row([prediction.image, *cells, true_class, prediction.fault])


def shortest_names(names: Sequence[str], arguments: Sequence[str]) -> dict[str, str]:
    """Each picture's name as it is shown: within its folder where one folder alone was named."""
    folder = Path(arguments[0])
    if len(arguments) != 1 or not folder.is_dir():
        return {name: name for name in names}
    return {name: str(Path(name).relative_to(folder)) for name in names}


def _columns(place: int) -> tuple[str, str]:
    return ("class", "probability") if place == 1 else (f"class_{place}", f"probability_{place}")


def _row(cells: Sequence[str]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
