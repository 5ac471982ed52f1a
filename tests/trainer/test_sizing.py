"""The recipe `auto` for so many pictures: numbers that train sensibly from a hundred pictures to a hundred thousand."""

import dataclasses

import pytest

from trainer import sizing
from trainer.recipe import experiment

AUTO = experiment("auto")


@pytest.mark.parametrize(
    ("pictures", "classes", "batch", "epochs", "momentum"),
    [
        (20, 2, 16, 400, 0.9),
        (120, 2, 16, 58, 0.9015),
        (2_000, 10, 64, 30, 0.957),
        (60_000, 10, 128, 19, 0.99),
        (100_000, 1000, 128, 50, 0.99),
    ],
)
def test_epochs_batch_and_momentum_follow_from_the_pictures(pictures, classes, batch, epochs, momentum):
    chosen = sizing.fit(AUTO.float_recipe, pictures=pictures, classes=classes)
    assert (chosen.batch_size, chosen.epochs) == (batch, epochs)
    assert chosen.bn_momentum == pytest.approx(momentum, abs=5e-3)
    assert not chosen.sized  # What is recorded is what was trained.


@pytest.mark.parametrize("pictures", [1, 7, 100, 3_000, 100_000])
def test_every_number_of_pictures_gives_a_recipe_that_holds_together_and_steps_enough(pictures):
    for chosen in vars(AUTO).values():
        fitted = sizing.fit(chosen, pictures=pictures, classes=10)
        steps = fitted.epochs * (pictures // fitted.batch_size)
        assert steps >= (50 if chosen.freeze_bn else 400)
        assert steps * (1 - fitted.bn_momentum) >= (4.9 if chosen.freeze_bn else 39)
        assert sizing.fit(fitted, pictures=1, classes=1) == fitted


def test_only_what_is_said_to_be_filled_in_is():
    chosen = AUTO.float_recipe
    fitted = sizing.fit(chosen, pictures=120, classes=2)
    changed = {field for field in vars(chosen) if getattr(chosen, field) != getattr(fitted, field)}
    assert changed <= {*sizing.FIELDS, "sized"}
    exact = dataclasses.replace(chosen, sized=False)
    assert sizing.fit(exact, pictures=120, classes=2) == exact
