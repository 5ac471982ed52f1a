"""The optimizer that a recipe names, and which weights decay."""

from __future__ import annotations

from collections.abc import Sequence

import tensorflow as tf

from trainer.keras import keras
from trainer.recipe import Recipe
from trainer.training.schedule import RecipeSchedule


def create(recipe: Recipe, steps_per_epoch: int) -> keras.optimizers.Optimizer:
    """Builds the optimizer; call it in the scope of the distribution strategy."""
    rate = RecipeSchedule(recipe, steps_per_epoch)
    if recipe.optimizer == "sgd":
        return keras.optimizers.SGD(rate, momentum=recipe.momentum)
    if recipe.optimizer == "rmsprop":
        return RMSProp(rate, rho=recipe.rmsprop_rho, momentum=recipe.momentum, epsilon=recipe.epsilon)
    adamw = keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay, epsilon=recipe.epsilon)
    adamw.exclude_from_weight_decay(var_names=["gamma", "beta", "bias", "_min", "_max"])
    return adamw


class RMSProp(keras.optimizers.RMSprop):
    """TF1's: the mean square starts at 1, as if past gradients had been large, where Keras's starts at 0.

    So early steps are small and not the learning rate times the gradient's sign over sqrt(1 - rho). The rest is alike:
    epsilon lies under the root, and the learning rate within the momentum. No sparse gradients.
    """

    def build(self, var_list: Sequence[tf.Variable]) -> None:
        """Makes the slots."""
        begun = getattr(self, "_built", False)
        super().build(var_list)
        if not begun:
            for mean_square in self._velocities:
                mean_square.assign(tf.ones_like(mean_square))


def l2_loss(kernels: Sequence[tf.Variable], l2: float) -> tf.Tensor:
    """The reference's regularization: l2 x sum(w^2) / 2."""
    return l2 * tf.add_n([tf.nn.l2_loss(kernel) for kernel in kernels])


def regularized(variables: Sequence[tf.Variable]) -> list[tf.Variable]:
    """The kernels of stem, pointwise and logits convolutions: 15 of them. The depthwise ones are not regularized."""
    return [v for v in variables if v.name.split("/")[-1].startswith("kernel")]
