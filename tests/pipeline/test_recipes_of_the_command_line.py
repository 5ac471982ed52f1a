"""A run's recipe, changed on the command line or read from somebody's own file, and still whole."""

import dataclasses
import json

import pytest

from pipeline import recipe_changes, recipe_files
from pipeline.branch import Branch
from trainer import recipe, sizing
from trainer.recipe import RecipeError
from trainer.recipes import auto, sample


def branch(name="sample", **options):
    texts, batch_size = options.pop("set", ()), options.pop("batch_size", None)
    return Branch.of("0.25_32", name, changes=recipe_changes.all_of(texts, batch_size), **options)


def test_epochs_shorten_warm_up_and_fine_tuning_in_proportion():
    chosen = branch(epochs=15)
    assert chosen.float_recipe == dataclasses.replace(sample.FLOAT, epochs=15, warmup_epochs=1.0)
    assert chosen.qat_recipe == dataclasses.replace(sample.QAT, epochs=2, warmup_epochs=0.25)
    assert branch(epochs=30) == branch()


@pytest.mark.parametrize("name", recipe.names())
@pytest.mark.parametrize("from_scratch", [False, True])
def test_one_epoch_is_a_whole_recipe_whichever_it_is(name, from_scratch):
    chosen = branch(name, epochs=1, from_scratch=from_scratch)
    for each in (chosen.float_recipe, chosen.qat_recipe):
        fitted = sizing.fit(each, pictures=120, classes=3)
        assert fitted.epochs == 1 and fitted.warmup_epochs < 1 and not fitted.fixed


def test_a_single_epoch_set_alone_keeps_a_warm_up_that_fits_and_scales_one_that_does_not():
    assert branch(set=["float.epochs=1"]).float_recipe.warmup_epochs == pytest.approx(2 / 30, abs=1e-3)
    assert branch(set=["float.epochs=7"]).float_recipe.warmup_epochs == 2
    assert branch(set=["float.epochs=1"]).qat_recipe == sample.QAT
    with pytest.raises(RecipeError, match=r"warmup_epochs is 3\.0, wanted 0 up to epochs"):
        branch(set=["epochs=1", "warmup_epochs=3"])


def test_what_is_set_in_a_sized_recipe_stays_and_the_rest_follows_from_the_pictures():
    chosen = branch("auto", epochs=5, batch_size=8)
    fitted = sizing.fit(chosen.float_recipe, pictures=120, classes=3)
    assert (fitted.epochs, fitted.batch_size, fitted.warmup_epochs, fitted.evaluations) == (5, 8, 0.333, 4)
    assert fitted.bn_momentum == pytest.approx(0.9)
    tuned = sizing.fit(chosen.qat_recipe, pictures=120, classes=3)
    assert (tuned.epochs, tuned.batch_size) == (1, 8)
    momentum = branch("auto", set=["bn_momentum=0.95"]).float_recipe
    assert sizing.fit(momentum, pictures=2000, classes=10).bn_momentum == 0.95
    assert sizing.fit(momentum, pictures=2000, classes=10).epochs == 30


def test_what_stays_travels_with_the_record_and_is_gone_from_what_was_trained():
    chosen = branch("auto", epochs=5).float_recipe
    read = recipe.from_dict(json.loads(json.dumps(chosen.as_dict())))
    assert read == chosen and read.fixed == ("epochs",)
    same = dataclasses.replace(auto.FLOAT, sized=False, epochs=5)
    fitted = sizing.fit(chosen, pictures=120, classes=3)
    assert set(fitted.as_dict()) == set(same.as_dict()) and fitted.fixed == ()


def test_set_stands_over_the_short_forms_and_the_seed():
    chosen = branch(epochs=5, batch_size=8, seed=3, set=["float.epochs=6", "batch_size=4", "qat.seed=9"])
    assert (chosen.float_recipe.epochs, chosen.float_recipe.batch_size, chosen.float_recipe.seed) == (6, 4, 3)
    assert (chosen.qat_recipe.epochs, chosen.qat_recipe.batch_size, chosen.qat_recipe.seed) == (1, 4, 9)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "--epochs is 0, wanted at least 1"),
        ({"batch_size": 0}, "batch_size is 0, wanted at least 1"),
        ({"set": ["epoch=3"]}, "--set: no field 'epoch' in a recipe"),
        ({"set": ["fixed=epochs"]}, "--set: fixed is what other fields"),
    ],
)
def test_what_makes_no_recipe_is_refused(options, message):
    with pytest.raises(RecipeError, match=message):
        branch(**options)


def test_a_yaml_file_changes_the_recipe_that_it_names_and_is_named_after_itself(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("format: 1\nbase: sample\nfloat: {epochs: 40, peak_lr: 4e-3, freeze_bn: false}\nqat: {epochs: 5}\n")
    found = recipe_files.experiment(str(file))
    assert found.float_recipe == dataclasses.replace(sample.FLOAT, name="mine_float", epochs=40)
    assert found.qat_recipe == dataclasses.replace(sample.QAT, name="mine_qat", epochs=5)
    assert found.from_scratch == dataclasses.replace(sample.FROM_SCRATCH, name="mine_from_scratch")
    file.write_text("float: {epochs: 5}\n")
    assert sizing.fit(recipe_files.experiment(str(file)).float_recipe, pictures=2000, classes=10).epochs == 5


def test_epochs_keep_the_proportion_that_a_file_sets(tmp_path):
    (tmp_path / "mine.yaml").write_text("float: {epochs: 40}\nqat: {epochs: 20}\n")
    found = recipe_files.experiment(str(tmp_path / "mine.yaml"))
    both = recipe_changes.for_epochs(found.float_recipe, found.qat_recipe, 20)
    assert [recipe.epochs for recipe in both] == [20, 10]


def test_a_python_file_is_read_as_a_module_of_recipes_is_and_leaves_nothing_beside_it(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import dataclasses\nfrom trainer.recipes import sample\n"
        "FLOAT = dataclasses.replace(sample.FLOAT, name='mine', epochs=3)\n"
        "QAT, FROM_SCRATCH = sample.QAT, sample.FROM_SCRATCH\n"
    )
    assert branch(str(file), epochs=None).float_recipe == dataclasses.replace(sample.FLOAT, name="mine", epochs=3)
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.yaml", "float: {epoch: 3}", "a.yaml: float: no field 'epoch' in a recipe"),
        ("a.yaml", "float: {epochs: three}", "a.yaml: float: epochs is 'three', wanted a whole number"),
        ("a.yaml", "float: {epochs: 0}", "epochs is 0, wanted at least 1"),
        ("a.yaml", "int8: {epochs: 3}", "a.yaml has int8: wanted base, float, qat, from_scratch"),
        ("a.yaml", "float: {qat.epochs: 7}", "a.yaml: float: got qat.epochs, wanted the field alone"),
        ("a.py", "import sys; sys.exit(3)", "a.py cannot be run: SystemExit: 3"),
        ("a.yaml", "float: 3", "a.yaml: float is 3, wanted fields of a recipe"),
        ("a.yaml", "base: resnet", "no recipe 'resnet': there are auto"),
        ("a.yaml", "[1, 2]", "a.yaml cannot be read: .* holds a list"),
        ("a.yaml", "float: {", "a.yaml cannot be read"),
        ("a.yaml", "format: 2", "is a recipe of format 2"),
        ("a.py", "FLOAT = 3", "a.py has no FLOAT, QAT, FROM_SCRATCH that is a trainer.recipe.Recipe"),
        ("a.py", "import nothing_like_it", "a.py cannot be run: ModuleNotFoundError"),
        ("a.toml", "", "ends in '.toml': wanted a .py or .yaml file, or one of auto"),
    ],
)
def test_a_file_that_holds_no_recipe_is_one_clear_sentence(tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    with pytest.raises(RecipeError, match=message):
        recipe_files.experiment(str(tmp_path / name))
    with pytest.raises(RecipeError, match=r"no\.yaml is no file: wanted a \.py or \.yaml file, or one of auto"):
        recipe_files.experiment(str(tmp_path / "no.yaml"))
