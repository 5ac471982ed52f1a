"""A recipe for so many pictures: what `auto` leaves open, filled in from what was ingested.

The numbers join those of recipes that were measured: about 400 steps for 120 pictures, `sample`'s 900 for 2,000,
`fashion_mnist`'s 9,000 for 60,000. In between steps grow with the power 2/3 of the pictures.
"""

from __future__ import annotations

import dataclasses
import math

from trainer.recipe import Recipe

FIELDS = ("epochs", "batch_size", "warmup_epochs", "bn_momentum", "evaluations")  # That are filled in.

_PICTURES, _STEPS, _POWER = 2_000, 900, 2 / 3  # The curve goes through this point.
_FEWEST_STEPS = 400
_BATCHES_AN_EPOCH = 16  # At least, if the batch can be small enough for it.
_SMALLEST_BATCH, _LARGEST_BATCH = 16, 128
QUANTIZED_SHARE = 1 / 8  # Of the float training's steps, for what fine-tunes it.
_MEMORY = 1 / 40  # Of all steps: what batch norm's averages remember.


def fit(recipe: Recipe, *, pictures: int, classes: int) -> Recipe:
    """The recipe for these training pictures; one that is not `sized` stays as it is, and so do its `fixed` fields.

    Args:
      classes: of the pictures, the background not counted.
    """
    if not recipe.sized:
        return recipe
    batch = recipe.batch_size if "batch_size" in recipe.fixed else _batch(pictures)
    per_epoch = max(1, pictures // batch)
    steps = max(_FEWEST_STEPS, _STEPS * (pictures / _PICTURES) ** _POWER) * max(1.0, classes / 10) ** 0.25
    if recipe.freeze_bn:
        steps *= QUANTIZED_SHARE
    epochs = recipe.epochs if "epochs" in recipe.fixed else max(2, math.ceil(steps / per_epoch))
    filled_in = {
        "epochs": epochs,
        "batch_size": batch,
        "warmup_epochs": round(epochs / 15, 3),
        "bn_momentum": round(1 - min(0.1, max(0.01, 1 / (_MEMORY * epochs * per_epoch))), 4),
        "evaluations": min(epochs, recipe.evaluations),
    }
    for field in recipe.fixed:
        filled_in.pop(field, None)
    return dataclasses.replace(recipe, sized=False, fixed=(), **filled_in)


def _batch(pictures: int) -> int:
    """A power of two that leaves several batches to an epoch; all pictures where there are fewer than the smallest."""
    wanted = 2 ** int(math.log2(max(1, pictures / _BATCHES_AN_EPOCH)))
    return min(max(1, pictures), min(_LARGEST_BATCH, max(_SMALLEST_BATCH, wanted)))
