"""What is to be trained, on what, and where its traces go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from trainer.recipe import Recipe

ENOUGH_MEMORIES = 10  # Times that batch norm's averages forget what they were; 3 are too few (30 steps at 0.9).


class TrainingError(RuntimeError):
    """Training that cannot go on: too few pictures, or a loss that is no number."""


@dataclass(frozen=True)
class Task:
    """What is trained on what, and where its traces go."""

    recipe: Recipe
    resolution: int
    classes: int
    train_files: Sequence[str]
    train_pictures: int
    eval_files: Sequence[str]
    checkpoint_dir: str  # Of this very (recipe, data, code): a checkpoint in it is this run's own.
    log_dir: str  # TensorBoard.

    @property
    def steps_per_epoch(self) -> int:
        steps = self.train_pictures // self.recipe.batch_size
        if not steps:
            raise TrainingError(
                f"{self.train_pictures} training pictures do not fill one batch of {self.recipe.batch_size}: "
                "add pictures, or make the batch smaller with --batch-size."
            )
        return steps

    @property
    def steps(self) -> int:
        return self.steps_per_epoch * self.recipe.epochs

    @property
    def evaluation_steps(self) -> set[int]:
        """After which of them the eval split is looked at: spread evenly, the last at the end."""
        epochs, count = self.recipe.epochs, min(self.recipe.evaluations, self.recipe.epochs)
        return {self.steps_per_epoch * round(epochs * (place + 1) / count) for place in range(count)}

    @property
    def lagging(self) -> str:
        """What is to be said where batch norm's averages will be of weights that are gone; else empty."""
        recipe = self.recipe
        forgotten = self.steps * (1 - recipe.bn_momentum)
        if recipe.bn_pictures or (recipe.quantized and recipe.freeze_bn) or forgotten >= ENOUGH_MEMORIES:
            return ""
        return (
            f"{recipe.name}: {self.steps} steps are few for batch norm's averages with a momentum of "
            f"{recipe.bn_momentum:g}: what is right in training may be wrong in use. Train with --recipe auto, or with "
            "more epochs or pictures."
        )

    def check_delay(self) -> None:
        """Raises TrainingError where training would end before fake quantization begins."""
        if self.recipe.quant_delay >= self.steps:
            raise TrainingError(
                f"{self.recipe.name}: fake quantization begins after {self.recipe.quant_delay} steps (quant_delay); "
                f"these {self.train_pictures} pictures give {self.steps} in all: lower quant_delay, or raise epochs."
            )
