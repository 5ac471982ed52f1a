"""Recipes and settings files of 0.1.0 load today, and a newer format is rejected whole."""

import dataclasses
import json

import pytest

from pipeline.settings import settings_file
from pipeline.settings.error import SettingsError
from pipeline.settings.local import Settings
from tests.compat.recorded import DATA
from trainer import recipe
from trainer.recipe import RecipeError

RECIPES = json.loads((DATA / "json" / "recipes.json").read_text())


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_of_0_1_0_is_read_with_every_value_and_its_digest(name):
    """The digest names the recipe in each model's description; another one would train again."""
    read = recipe.from_dict(RECIPES[name]["recipe"])
    assert RECIPES[name]["recipe"].items() <= json.loads(json.dumps(dataclasses.asdict(read))).items()
    assert read.digest == RECIPES[name]["digest"]


def test_a_recipe_of_a_newer_format_is_rejected_and_one_of_this_format_is_read():
    values = RECIPES["sample_float"]["recipe"]
    assert recipe.from_dict({**values, "format": 1}) == recipe.from_dict(values)
    with pytest.raises(RecipeError, match="the recipe is a recipe of format 2, and this version reads formats up to 1"):
        recipe.from_dict({**values, "format": 2})


@pytest.mark.parametrize("target", ["local", "vertex", "kubeflow"])
def test_a_settings_file_of_0_1_0_loads(target):
    assert settings_file.load(DATA / "settings" / f"{target}.yaml").target == target


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("format: 2", "is a settings file of format 2, and this version reads formats up to 1. Update this project"),
        ("format: new", "has format 'new', wanted a whole number from 1 on"),
        ("format: 0", "has format 0, wanted a whole number from 1 on"),
        ("format: true", "has format True, wanted a whole number from 1 on"),
    ],
)
def test_a_settings_file_of_a_newer_or_no_format_is_rejected(tmp_path, line, message):
    file = tmp_path / "mine.yaml"
    file.write_text(f"target: local\nfloor: 0.3\n{line}\n")
    with pytest.raises(SettingsError, match=message):
        settings_file.load(file)


def test_a_settings_file_may_name_its_format(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("format: 1\ntarget: local\nfloor: 0.3\n")
    loaded = settings_file.load(file)
    assert isinstance(loaded, Settings) and loaded.floor == 0.3
