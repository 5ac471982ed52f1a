"""What cannot work, found in a moment: nothing here imports TensorFlow or TFX, which takes seconds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from components.data_error import DataError
from components.sources import class_choice, detect
from components.sources.wanted import Wanted
from pipeline import node_ids, workdir
from pipeline.branch import Branch
from pipeline.settings.error import SettingsError
from pipeline.settings.local import Settings
from trainer.imagenet import TRAIN
from trainer.training.training_task import Task, TrainingError

# Tars and records are not listed: their headers lie all over files of many gigabytes.
_LISTED = ("folders", "kaggle", "manifest")


@dataclass(frozen=True)
class Seen:
    """What a source has, as far as its names tell; ingestion may refuse some of the pictures."""

    splits: Mapping[str, int]  # Pictures.
    train: Mapping[str, int]  # Training pictures of each class.

    @property
    def outputs(self) -> int:
        """Of a model of these classes: the background is one of them."""
        return len(self.train) + 1


def check(settings: Settings, branches: Sequence[Branch], *, from_node: str | None = None) -> Seen | None:
    """All that can be known before anything is imported or written; what there is, where it could be listed.

    Raises:
      SettingsError: the data are not as ingestion wants them, too few for a batch; no such node, or a busy directory.
    """
    if from_node:
        check_node(from_node, node_ids.of(branches))
    workdir.check_free(settings.workdir)
    if "{" in str(settings.data):  # Which folder that is, TFX says.
        return None
    found = look(settings.data, settings.wanted)
    if found:
        for branch in branches:
            _check_steps(branch, found.splits[TRAIN], found.outputs)
    return found


def check_node(node: str, there: Sequence[str]) -> None:
    """Raises SettingsError where there is no such node."""
    if node not in there:
        raise SettingsError(f"--from: no node {node!r}: there are {', '.join(there)}.")


def look(data: Path, wanted: Wanted) -> Seen | None:
    """What lies in the folder; None of tars and records, of which the names alone are looked at.

    Raises:
      SettingsError: it is no source of pictures, or has not the classes that are wanted.
    """
    try:
        wanted = Wanted(**{**vars(wanted), "classes": class_choice.written_out(wanted.classes)})
        kind = detect.detect(str(data)) if wanted.source == "auto" else wanted.source
        if kind not in _LISTED:
            detect.fingerprint(str(data), wanted)
            return None
        source = detect.scan(str(data), wanted)
    except DataError as error:
        raise SettingsError(str(error)) from error
    names = [category.name for category in source.categories]
    train = Counter(names[entry.label - 1] for entry in source.splits[TRAIN])
    return Seen({split: len(entries) for split, entries in source.splits.items()}, train)


def _check_steps(branch: Branch, pictures: int, outputs: int) -> None:
    trained = not branch.start or branch.start.trained_on
    recipes = [*([branch.float_recipe] if trained else []), branch.qat_recipe]
    for recipe in (each for each in recipes if not each.sized):
        task = Task(recipe, branch.variant.resolution, outputs, (), pictures, (), "", "")
        try:
            task.check_delay()
        except TrainingError as error:
            raise SettingsError(f"{recipe.name}: {error}") from error
