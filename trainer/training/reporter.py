"""What a training says of itself while it goes on."""

from __future__ import annotations

import logging
import time

from trainer.training.training_task import Task

_progress = logging.getLogger("mobilenet.progress")


class Reporter:
    """Says every so many seconds how far training is and how fast it goes."""

    def __init__(self, task: Task, *, started_at: int, seconds: float) -> None:
        self.task, self.step, self.seconds = task, started_at, seconds
        self.time = 0.0

    def due(self, step: int) -> bool:
        if not self.time:  # The first step is mostly tracing: the clock starts behind it.
            self.restart(step)
        return step == self.task.steps or time.monotonic() - self.time >= self.seconds

    def restart(self, step: int) -> None:
        self.step, self.time = step, time.monotonic()

    def report(self, step: int, *, loss: float, top1: float) -> None:
        task, now = self.task, time.monotonic()
        rate = (step - self.step) * task.recipe.batch_size / max(now - self.time, 1e-9)
        epoch = min((step - 1) // task.steps_per_epoch + 1, task.recipe.epochs)
        self.restart(step)
        values = {
            "task": "train", "recipe": task.recipe.name, "step": step, "steps": task.steps, "epoch": epoch,
            "epochs": task.recipe.epochs, "images_per_second": rate, "loss": loss, "top1": top1,
        }  # fmt: skip
        _progress.info(
            "%s: epoch %d of %d, step %d of %d, loss %.4f, top-1 %.4f, %.0f pictures/s",
            task.recipe.name, epoch, task.recipe.epochs, step, task.steps, loss, top1, rate,
            extra={"progress": values},
        )  # fmt: skip
