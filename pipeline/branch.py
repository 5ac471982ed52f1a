"""One branch of the DAG: a variant and how it is trained."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline import recipe_changes, recipe_files
from pipeline.recipe_changes import Change
from trainer.network.variant import Variant
from trainer.recipe import Recipe, from_dict


@dataclass(frozen=True)
class Start:
    """A TF-Slim checkpoint, or a release's archive, that a branch begins with."""

    path: Path
    raw: bool = False  # The weights themselves and not their moving averages.
    trained_on: bool = False  # The float model is fine-tuned from it; otherwise it is the float model.
    digest: str = ""  # SHA-256: a node's cache does not see into the file.


@dataclass(frozen=True)
class Branch:
    """A member of the family with its two recipes."""

    variant: Variant
    float_recipe: Recipe
    qat_recipe: Recipe
    from_scratch: bool = False  # The fake-quantized model starts anew; the float model is then only its baseline.
    start: Start | None = None

    @classmethod
    def of(
        cls,
        variant: str,
        recipe: str,
        *,
        seed: int | None = None,
        from_scratch: bool = False,
        epochs: int | None = None,
        changes: Sequence[Change] = (),
    ) -> Branch:
        """As the command line names it: `0.25_128` and a module of trainer/recipes/, or a recipe's file.

        Args:
          epochs: of the float training, instead of the recipe's; the fine-tuning's keep their proportion.
          changes: fields of the recipes, after all else.

        Raises:
          VariantError, RecipeError: there is no such variant, recipe or seed, or a changed one does not hold together.
        """
        chosen = recipe_files.experiment(recipe)
        recipes = chosen.float_recipe, chosen.from_scratch if from_scratch else chosen.qat_recipe
        if epochs is not None:
            recipes = recipe_changes.for_epochs(*recipes, epochs)
        if seed is not None:
            changes = [Change("seed", seed), *changes]
        changed = (
            from_dict(recipe_changes.apply(record.as_dict(), changes, kind=kind)) if changes else record
            for record, kind in zip(recipes, recipe_changes.KINDS, strict=True)
        )
        return cls(Variant.parse(variant), *changed, from_scratch=from_scratch)

    def from_checkpoint(self, start: Start) -> Branch:
        """The same, beginning with a checkpoint. Imports TensorFlow.

        Raises:
          ValueError, OSError: it cannot be read.
        """
        from trainer.slim import imported_model

        digest = imported_model.source_digest(start.path)
        return dataclasses.replace(self, start=dataclasses.replace(start, digest=digest))
