"""Learning rate, step by step, as a recipe says."""

from __future__ import annotations

import math

import tensorflow as tf

from trainer.keras import keras
from trainer.recipe import Recipe


class RecipeSchedule(keras.optimizers.schedules.LearningRateSchedule):
    """Linear warm-up to `peak_lr`, then cosine to zero, staircase exponential decay, or constant."""

    def __init__(self, recipe: Recipe, steps_per_epoch: int) -> None:
        super().__init__()
        self.recipe = recipe
        self.steps_per_epoch = steps_per_epoch
        self.warmup_steps = round(recipe.warmup_epochs * steps_per_epoch)
        self.total_steps = recipe.epochs * steps_per_epoch

    def __call__(self, step: tf.Tensor) -> tf.Tensor:
        step = tf.cast(step, tf.float32)
        warmup = self.recipe.peak_lr * (step + 1.0) / max(self.warmup_steps, 1)
        return tf.where(step < self.warmup_steps, warmup, self._decayed(step - self.warmup_steps))

    def _decayed(self, step: tf.Tensor) -> tf.Tensor:
        peak = self.recipe.peak_lr
        if self.recipe.schedule == "cosine":
            share = tf.clip_by_value(step / max(self.total_steps - self.warmup_steps, 1), 0.0, 1.0)
            return 0.5 * peak * (1.0 + tf.cos(math.pi * share))
        if self.recipe.schedule == "exponential":
            decay_steps = max(int(self.recipe.decay_epochs * self.steps_per_epoch), 1)
            return peak * tf.pow(self.recipe.decay_rate, tf.floor(step / decay_steps))
        return tf.fill(tf.shape(step), peak)

    def get_config(self) -> dict:
        return {"recipe": self.recipe.as_dict(), "steps_per_epoch": self.steps_per_epoch}
