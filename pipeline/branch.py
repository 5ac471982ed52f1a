"""One branch of the DAG: a variant and how it is trained."""

from __future__ import annotations

from dataclasses import dataclass

from trainer.recipe import Recipe
from trainer.variant import Variant


@dataclass(frozen=True)
class Branch:
    """A member of the family with its two recipes."""

    variant: Variant
    float_recipe: Recipe
    qat_recipe: Recipe
    from_scratch: bool = False  # The fake-quantized model starts anew; the float model is then only its baseline.
