"""Recipes are records: complete, checked, and different from each other only where they say so."""

import dataclasses

import pytest

from trainer import recipe
from trainer.recipe import RecipeError
from trainer.recipes import imagenet, packaged, released, sample
from trainer.training import schedule

IMAGENET_PICTURES = 1_281_167


@pytest.mark.parametrize("name", recipe.names())
def test_every_experiment_has_three_recipes_under_its_name(name):
    experiment = recipe.experiment(name)
    assert experiment.float_recipe.name == f"{name}_float"
    assert not experiment.float_recipe.quantized
    assert experiment.qat_recipe.name == f"{name}_qat"
    assert experiment.qat_recipe.quantized and experiment.qat_recipe.quant_delay == 0
    assert experiment.qat_recipe.freeze_bn == (name != "packaged")  # Which trains batch norm on, as its source does.
    assert experiment.from_scratch.quantized and not experiment.from_scratch.freeze_bn
    assert recipe.from_dict(experiment.qat_recipe.as_dict()) == experiment.qat_recipe


def test_qat_differs_from_float_only_where_it_says():
    before, after = sample.FLOAT.as_dict(), sample.QAT.as_dict()
    assert {field for field in after if after[field] != before[field]} == {
        "name", "quantized", "epochs", "peak_lr", "warmup_epochs", "freeze_bn", "calibration_pictures", "evaluations",
    }  # fmt: skip


def test_an_unknown_recipe_lists_those_there_are():
    with pytest.raises(
        RecipeError,
        match="'resnet': there are auto, fashion_mnist, imagenet, packaged, released, sample, tiny",
    ):
        recipe.experiment("resnet")


def test_all_faults_of_a_recipe_are_named_at_once():
    with pytest.raises(RecipeError, match=r"epochs is 0.*batch_size is -1.*optimizer is 'adam', wanted one of sgd"):
        dataclasses.replace(sample.FLOAT, epochs=0, batch_size=-1, optimizer="adam")


def test_an_unknown_field_is_an_error_and_not_ignored():
    with pytest.raises(RecipeError, match="unknown fields in the recipe: peak_learning_rate"):
        recipe.from_dict({**sample.FLOAT.as_dict(), "peak_learning_rate": 1.0})


def test_the_digest_changes_with_any_field():
    assert dataclasses.replace(sample.FLOAT, seed=2).digest != sample.FLOAT.digest


@pytest.mark.parametrize(("step", "rate"), [(0, 0.045), (2 * 2500 - 1, 0.045), (5000, 0.0423), (10_000, 0.039762)])
def test_the_packaged_schedule_falls_in_steps_of_two_and_a_half_epochs(step, rate):
    assert float(schedule.RecipeSchedule(imagenet.FLOAT, 2000)(step)) == pytest.approx(rate, rel=1e-6)


def test_the_packaged_rate_first_falls_where_its_sources_typo_has_it_and_the_imagenet_recipes_where_it_should():
    per_epoch = IMAGENET_PICTURES // packaged.FLOAT.batch_size
    for record, steps in ((packaged.FLOAT, int(1_271_167 / 64 * 2.5)), (imagenet.FLOAT, int(per_epoch * 2.5))):
        rate = schedule.RecipeSchedule(record, per_epoch)
        assert [float(rate(steps - 1)), float(rate(steps))] == pytest.approx([0.045, 0.0423], rel=1e-6)
    assert int(1_271_167 / 64 * 2.5) == 49_654


def test_the_released_recipe_is_the_generic_trainers_rmsprop_with_averages():
    record = released.FLOAT
    assert (record.optimizer, record.rmsprop_rho, record.momentum, record.epsilon) == ("rmsprop", 0.9, 0.9, 1.0)
    assert (record.ema_decay, record.label_smoothing, record.color) == (0.9999, 0.1, "fast")


def test_quantization_waits_250_000_steps_in_the_packaged_trainer_from_scratch_and_not_at_all_when_it_fine_tunes():
    assert (packaged.FROM_SCRATCH.quant_delay, packaged.QAT.quant_delay, packaged.QAT.peak_lr) == (250_000, 0, 1e-4)


def test_new_fields_leave_a_recipe_that_does_not_name_them_as_it_was():
    assert (sample.FLOAT.ema_decay, sample.FLOAT.quant_delay, sample.FLOAT.color) == (0.0, 0, "brightness_first")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ema_decay": 1.0}, r"ema_decay is 1\.0, wanted in \[0, 1\)"),
        ({"quant_delay": 10}, "quant_delay is 10 steps, which goes with quantized recipes only"),
        ({"quant_delay": -1, "quantized": True}, "quant_delay is -1 steps, wanted at least 0"),
        ({"color": "vivid"}, "color is 'vivid', wanted one of brightness_first, fast, slow"),
    ],
)
def test_averages_delays_and_colours_that_cannot_be_are_refused(changes, message):
    with pytest.raises(RecipeError, match=message):
        dataclasses.replace(sample.FLOAT, **changes)


def test_cosine_warms_up_to_the_peak_and_ends_at_zero():
    rates = schedule.RecipeSchedule(sample.FLOAT, 10)
    values = [float(rates(step)) for step in range(301)]
    assert max(values) == values[19] == values[20] == pytest.approx(sample.FLOAT.peak_lr)
    assert values[0] == pytest.approx(sample.FLOAT.peak_lr / 20)
    assert values[300] == pytest.approx(0.0, abs=1e-9)
