"""How many pictures of a folder a model is right about, where the folders' names are its classes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from components.sources.class_names import same
from pipeline.release.predict import Prediction


@dataclass(frozen=True)
class ClassScore:
    """Of the pictures of one class, how many the model found."""

    name: str
    pictures: int
    right: int

    @property
    def recall(self) -> float:
        return self.right / self.pictures


@dataclass(frozen=True)
class Score:
    """Of the pictures whose folder names a class of the model."""

    classes: tuple[ClassScore, ...]  # The least found first.

    @property
    def pictures(self) -> int:
        return sum(each.pictures for each in self.classes)

    @property
    def right(self) -> int:
        return sum(each.right for each in self.classes)

    @property
    def balanced(self) -> float:
        """The mean of the classes' recalls: each class counts alike, however many pictures it has."""
        return sum(each.recall for each in self.classes) / len(self.classes)


def true_classes(arguments: Sequence[str], pictures: Sequence[str], labels: Sequence[str]) -> dict[str, str]:
    """Picture → the class that the nearest folder around it names, from the named folder itself inward.

    A picture that was named itself has none: people do not sort those.
    """
    known = {same(label): label for label in labels}
    folders = [argument for argument in arguments if Path(argument).is_dir()]
    found: dict[str, str] = {}
    for picture in pictures:
        around = next((folder for folder in folders if Path(folder) in Path(picture).parents), None)
        names = _folders(around, picture) if around else []
        if known_name := next((known[same(name)] for name in names if same(name) in known), None):
            found[picture] = known_name
    return found


def score(predictions: Sequence[Prediction], truth: dict[str, str]) -> Score | None:
    """Of the predictions that could be made; None where no picture's class is known."""
    pictures: Counter[str] = Counter()
    right: Counter[str] = Counter()
    for each in predictions:
        if each.guesses and each.image in truth:
            name = truth[each.image]
            pictures[name] += 1
            right[name] += each.guesses[0].label == name
    if not pictures:
        return None
    classes = (ClassScore(name, count, right[name]) for name, count in pictures.items())
    return Score(tuple(sorted(classes, key=lambda each: (each.recall, each.name))))


def _folders(argument: str, picture: str) -> list[str]:
    """The names of the folders around a picture, the nearest first and the named folder's own last."""
    inner = Path(picture).relative_to(argument).parts[:-1]
    return [*reversed(inner), Path(argument).resolve().name]
