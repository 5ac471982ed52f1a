"""One branch of the DAG: a variant and how it is trained."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from trainer.recipe import Recipe, experiment
from trainer.variant import Variant


@dataclass(frozen=True)
class Branch:
    """A member of the family with its two recipes."""

    variant: Variant
    float_recipe: Recipe
    qat_recipe: Recipe
    from_scratch: bool = False  # The fake-quantized model starts anew; the float model is then only its baseline.

    @classmethod
    def of(cls, variant: str, recipe: str, *, seed: int | None = None, from_scratch: bool = False) -> Branch:
        """As the command line names it: `0.25_128` and a module of trainer/recipes/.

        Raises:
          VariantError, RecipeError: there is no such variant, recipe or seed.
        """
        chosen = experiment(recipe)
        changes = {} if seed is None else {"seed": seed}
        return cls(
            variant=Variant.parse(variant),
            float_recipe=dataclasses.replace(chosen.float_recipe, **changes),
            qat_recipe=dataclasses.replace(chosen.from_scratch if from_scratch else chosen.qat_recipe, **changes),
            from_scratch=from_scratch,
        )
