"""How a model is trained: one frozen record, and the named experiments under `recipes/`.

A recipe holds every hyperparameter and no path. It travels by value, so ML Metadata records it.
"""

from __future__ import annotations

import dataclasses
import hashlib
import importlib
import json
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from trainer.file_format import KEY, FileFormat, FormatError
from trainer.imagenet import CENTRAL_FRACTION

Optimizer = Literal["sgd", "rmsprop", "adamw"]
Schedule = Literal["cosine", "exponential", "constant"]
Augmentation = Literal["inception", "shift"]
Color = Literal["brightness_first", "fast", "slow"]

# Read, but not written: a recipe's digest is over its fields, and stands in every model made with it.
FORMAT = FileFormat("recipe")
# Fields that came after 0.1.0. With their default, a recipe is the one of before and keeps its digest.
_LATER = ("bn_pictures", "sized", "fixed")


class RecipeError(ValueError):
    """A recipe that does not exist or does not hold together."""


@dataclass(frozen=True)
class Recipe:
    """One training run's hyperparameters."""

    name: str
    epochs: int
    batch_size: int  # Global: summed over replicas.
    optimizer: Optimizer
    peak_lr: float  # For this batch size, not scaled.
    schedule: Schedule
    quantized: bool = False
    warmup_epochs: float = 0.0
    decay_rate: float = 0.94  # exponential: times this every `decay_epochs`, in steps.
    decay_epochs: float = 2.5  # A fraction of an epoch is taken to the step below.
    momentum: float = 0.0  # sgd, rmsprop.
    rmsprop_rho: float = 0.9
    epsilon: float = 1e-7  # rmsprop (under the root), adamw.
    l2: float = 4e-5  # times sum(w^2)/2 over the convolutions' kernels but the depthwise ones.
    weight_decay: float = 0.0  # adamw: decoupled, on the same kernels and the depthwise ones.
    label_smoothing: float = 0.0
    dropout: float = 0.001
    bn_momentum: float = 0.9997
    bn_pictures: int = 0  # Training pictures on which batch norm's statistics are estimated anew at the end. 0: none.
    ema_decay: float = 0.0  # Of every weight's moving average, which is what is evaluated and handed on. 0: none.
    freeze_bn: bool = False  # Quantized: batch norm keeps the float model's statistics.
    calibration_pictures: int = 0  # Quantized: training pictures that set the ranges before the first step.
    quant_delay: int = 0  # Quantized: steps in which ranges are observed and nothing is rounded.
    augmentation: Augmentation = "inception"
    color: Color = "brightness_first"  # inception: which of its orders; see preprocessing.distort_color.
    central_fraction: float = CENTRAL_FRACTION  # Of each side, for evaluation (and for `shift`).
    mixed_precision: bool = False  # float16 arithmetic where there is a GPU; float32 elsewhere.
    evaluations: int = 5  # On the eval split, spread evenly over the epochs; the last is at the end.
    seed: int = 1
    sized: bool = False  # Epochs, batch, warm-up, momentum and the like follow from the pictures: trainer/sizing.py.
    fixed: tuple[str, ...] = ()  # Where it is sized: fields of these that somebody has set, and that stay as they are.

    def __post_init__(self) -> None:
        object.__setattr__(self, "fixed", tuple(self.fixed))  # JSON has lists.
        faults = [text for wrong, text in self._rules() if wrong]
        if faults:
            raise RecipeError(f"recipe {self.name!r} does not hold together: {'; '.join(faults)}.")

    def _rules(self) -> list[tuple[bool, str]]:
        return [
            (self.epochs < 1, f"epochs is {self.epochs}, wanted at least 1"),
            (self.batch_size < 1, f"batch_size is {self.batch_size}, wanted at least 1"),
            (self.peak_lr <= 0, f"peak_lr is {self.peak_lr}, wanted above 0"),
            (
                not 0 <= self.warmup_epochs < self.epochs,
                f"warmup_epochs is {self.warmup_epochs}, wanted 0 up to epochs",
            ),
            (not 0 <= self.label_smoothing < 1, f"label_smoothing is {self.label_smoothing}, wanted in [0, 1)"),
            (not 0 < self.central_fraction <= 1, f"central_fraction is {self.central_fraction}, wanted in (0, 1]"),
            (not 0 < self.bn_momentum < 1, f"bn_momentum is {self.bn_momentum}, wanted in (0, 1)"),
            (self.bn_pictures < 0, f"bn_pictures is {self.bn_pictures}, wanted at least 0"),
            (
                self.bn_pictures > 0 and self.freeze_bn,
                "bn_pictures goes with a batch norm that is not frozen",
            ),
            (not 0 <= self.seed < 2**32, f"seed is {self.seed}, wanted 0 up to 2**32 - 1"),
            (not 0 <= self.ema_decay < 1, f"ema_decay is {self.ema_decay}, wanted in [0, 1), 0 for none"),
            (self.quant_delay < 0, f"quant_delay is {self.quant_delay} steps, wanted at least 0"),
            (
                self.quant_delay > 0 and not self.quantized,
                f"quant_delay is {self.quant_delay} steps, which goes with quantized recipes only",
            ),
            (self.evaluations < 1, f"evaluations is {self.evaluations}, wanted at least 1"),
            (
                self.weight_decay > 0 and self.optimizer != "adamw",
                f"weight_decay goes with adamw only, not {self.optimizer}; l2 goes with all",
            ),
            (self.quantized and self.mixed_precision, "mixed_precision goes with float recipes: tfmot wants float32"),
            *(_choice(self, field, kind) for field, kind in _CHOICES.items()),
        ]

    def as_dict(self) -> dict[str, Any]:
        """The fields, as JSON has them."""
        return {**dataclasses.asdict(self), "fixed": list(self.fixed)}

    @property
    def digest(self) -> str:
        """SHA-256 of the fields: the recipe's name in every model that was trained by it."""
        values = self.as_dict()
        for field in dataclasses.fields(self):
            if field.name in _LATER and getattr(self, field.name) == field.default:
                del values[field.name]
        return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Experiment:
    """A float recipe and what follows it: fine-tuning with fake quantization, or quantized from the start."""

    float_recipe: Recipe
    qat_recipe: Recipe
    from_scratch: Recipe


_CHOICES = {"optimizer": Optimizer, "schedule": Schedule, "augmentation": Augmentation, "color": Color}


def experiment(name: str) -> Experiment:
    """The module `trainer/recipes/<name>.py` → its three recipes."""
    if name not in names():
        raise RecipeError(f"no recipe {name!r}: there are {', '.join(names())}. Each is a module of trainer/recipes/.")
    module = importlib.import_module(f"trainer.recipes.{name}")
    return Experiment(float_recipe=module.FLOAT, qat_recipe=module.QAT, from_scratch=module.FROM_SCRATCH)


def names() -> list[str]:
    """The experiments that there are."""
    package = importlib.import_module("trainer.recipes")
    return sorted(module.name for module in pkgutil.iter_modules(package.__path__))


def from_dict(values: Mapping[str, Any]) -> Recipe:
    """The record as it came through `custom_config`; an unknown or missing field is an error."""
    try:
        values = {name: value for name, value in FORMAT.checked(values, "the recipe").items() if name != KEY}
    except FormatError as error:
        raise RecipeError(str(error)) from error
    fields = {field.name for field in dataclasses.fields(Recipe)}
    if unknown := sorted(set(values) - fields):
        raise RecipeError(f"unknown fields in the recipe: {', '.join(unknown)}. There are {', '.join(sorted(fields))}.")
    try:
        return Recipe(**values)
    except TypeError as error:
        raise RecipeError(f"incomplete recipe {values.get('name')!r}: {error}.") from error


def _choice(recipe: Recipe, field: str, kind: Any) -> tuple[bool, str]:
    value, known = getattr(recipe, field), get_args(kind)
    return value not in known, f"{field} is {value!r}, wanted one of {', '.join(known)}"
