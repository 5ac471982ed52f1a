"""The parameters of a run: defaults, under settings, under the command line; recipes changed in them."""

import dataclasses
import json
import os
import shutil

import pytest

from pipeline.cluster import run_parameters
from pipeline.cluster.run_parameters import RunParameterError
from pipeline.compiled.compiled_file import Compiled, as_json
from pipeline.settings import settings_file
from pipeline.settings.local import ROOT, SAMPLE
from trainer import recipe
from trainer.recipes import sample

TRAINERS = {
    "float_recipe_w025_r64": {"recipe": sample.FLOAT.as_dict(), "variant": "0.25_64", "code": "c0de"},
    "qat_recipe_w025_r64": {"recipe": sample.QAT.as_dict(), "variant": "0.25_64", "code": "c0de"},
}
DECLARED = {
    "data": ("STRING", "/default/pictures"), "push_destination": ("STRING", "/default/models"),
    "floor": ("NUMBER_DOUBLE", 0.5), "margin": ("NUMBER_DOUBLE", 0.01), "data_digest": ("STRING", ""),
    "classes": ("STRING", ""), "holdout": ("NUMBER_DOUBLE", 0.0), "boxes": ("STRING", ""),
    "shards": ("NUMBER_INTEGER", 4), "quick": ("BOOLEAN", False), "bounds": ("STRUCT", {}), "splits": ("LIST", []),
    **{name: ("STRING", as_json(record)) for name, record in TRAINERS.items()},
}  # fmt: skip


@pytest.fixture
def compiled():
    parameters = {name: {"parameterType": kind, "defaultValue": value} for name, (kind, value) in DECLARED.items()}
    return Compiled({"root": {"inputDefinitions": {"parameters": parameters}}})


@pytest.fixture
def kubeflow():
    return settings_file.load(ROOT / "settings" / "kubeflow.yaml")


def values(compiled, settings=None, given=None, recipe_set=()):
    return run_parameters.values(compiled, settings=settings, given=given or {}, recipe_set=recipe_set)


def recipes(chosen):
    return {name.split("_")[0]: json.loads(chosen[name])["recipe"] for name in TRAINERS}


def test_without_anything_said_they_are_the_files_defaults_to_the_byte(compiled):
    assert values(compiled) == {name: value for name, (_, value) in DECLARED.items()}


def test_the_command_line_stands_over_settings_which_stand_over_defaults(compiled, kubeflow):
    chosen = values(compiled, kubeflow, {"floor": "0.7", "data": "/mnt/others"})
    assert chosen["data"] == "/mnt/others"
    assert chosen["push_destination"] == "/mnt/models"
    assert chosen["data_digest"] == ""  # The example leaves it to submit.
    assert (chosen["floor"], chosen["margin"], chosen["shards"]) == (0.7, 0.01, 4)


def test_what_settings_do_not_say_stays_the_files(compiled, kubeflow):
    parameters = kubeflow.parameters.model_copy(update={"floor": None, "data_digest": None})
    chosen = values(compiled, kubeflow.model_copy(update={"parameters": parameters}))
    assert (chosen["floor"], chosen["data_digest"]) == (0.5, "")


def test_values_have_the_type_that_the_file_declares(compiled):
    given = {
        "shards": "8",
        "quick": "true",
        "bounds": '{"a": 1}',
        "splits": '["eval"]',
        "floor": "1",
        "data_digest": "7",
    }
    chosen = values(compiled, given=given)
    assert {name: chosen[name] for name in given} == {
        "shards": 8, "quick": True, "bounds": {"a": 1}, "splits": ["eval"], "floor": 1, "data_digest": "7",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("floor", "half", "is 'half', wanted a number"),
        ("floor", "true", "is 'true', wanted a number"),
        ("floor", "NaN", "is 'NaN', wanted a number"),
        ("floor", "1.5", "is 1.5, wanted a fraction from 0 to 1"),
        ("margin", "0.05", "is 0.05, wanted a fraction from 0 up to 0.05"),
        ("holdout", "1", "is 1, wanted a fraction from 0 up to 1"),
        ("boxes", "/boxes.csv", r"is '/boxes.csv', wanted a folder on one of the volumes \(/mnt\)"),
        ("shards", "1.5", "is '1.5', wanted a whole number"),
        ("quick", "yes", "is 'yes', wanted true or false"),
        ("bounds", "[]", r"is '\[\]', wanted an object in JSON"),
        ("splits", "eval", "is 'eval', wanted a list in JSON"),
        ("data", "gs://bucket/pictures", r"is 'gs://bucket/pictures', wanted a folder on one of the volumes \(/mnt\)"),
        ("float_recipe_w025_r64", "epochs: 3", "is 'epochs: 3', wanted a JSON object with recipe, variant and code"),
    ],
)
def test_a_value_that_cannot_be_taken_is_refused(compiled, kubeflow, name, text, wanted):
    with pytest.raises(RunParameterError, match=f"--parameter {name} {wanted}"):
        values(compiled, kubeflow, {name: text})


def test_a_file_of_classes_is_read_here_as_the_nodes_do_not_see_it(compiled, tmp_path):
    (tmp_path / "classes.txt").write_text("dog\ncat\n")
    assert values(compiled, given={"classes": f"@{tmp_path / 'classes.txt'}"})["classes"] == "dog,cat"
    for text, message in (("dog", "is 'dog'; wanted at least two names"), ("@/gone.txt", "@/gone.txt cannot be read")):
        with pytest.raises(RunParameterError, match=f"--parameter classes: --classes {message}"):
            values(compiled, given={"classes": text})


def test_an_unknown_name_is_refused_with_the_names_that_there_are(compiled):
    with pytest.raises(
        RunParameterError, match="--parameter date, flor: the pipeline has no such parameter, only bounds"
    ):
        values(compiled, given={"flor": "0.5", "date": "x"})


def test_a_recipes_field_is_changed_for_both_trainers_or_for_one(compiled):
    changes = ["epochs=7", "qat.epochs=2", "float.peak_lr=4e-3", "float.schedule=constant", "qat.freeze_bn=false"]
    chosen = recipes(values(compiled, recipe_set=changes))
    assert chosen["float"] == dataclasses.replace(sample.FLOAT, epochs=7, peak_lr=4e-3, schedule="constant").as_dict()
    assert chosen["qat"] == dataclasses.replace(sample.QAT, epochs=2, freeze_bn=False).as_dict()


def test_a_whole_number_for_a_fraction_gives_the_same_recipe_as_the_fraction(compiled):
    one, other = (recipes(values(compiled, recipe_set=[text]))["float"] for text in ("l2=0", "l2=0.0"))
    assert recipe.from_dict(one).digest == recipe.from_dict(other).digest == sample.FLOAT.digest


def test_variant_and_code_stay_what_they_were(compiled):
    record = json.loads(values(compiled, recipe_set=["epochs=3"])["qat_recipe_w025_r64"])
    assert (record["variant"], record["code"], sorted(record)) == ("0.25_64", "c0de", ["code", "recipe", "variant"])


def test_the_folder_for_checkpoints_goes_to_every_trainer(compiled, kubeflow):
    chosen = values(compiled, kubeflow)
    assert {json.loads(chosen[name])["resume"] for name in TRAINERS} == {"/mnt/resume"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("epochs", "'epochs' is not FIELD=VALUE"),
        ("int8.epochs=3", "'int8.epochs=3' is not FIELD=VALUE, float.FIELD=VALUE or qat.FIELD=VALUE"),
        ("epoch=3", "no field 'epoch' in a recipe: there are augmentation, batch_size"),
        ("epochs=three", "epochs is 'three', wanted a whole number"),
        ("epochs=3.5", "epochs is '3.5', wanted a whole number"),
        ("epochs=true", "epochs is 'true', wanted a whole number"),
        ("peak_lr=fast", "peak_lr is 'fast', wanted a number"),
        ("peak_lr=nan", "peak_lr is 'nan', wanted a number"),
        ("freeze_bn=1", "freeze_bn is '1', wanted true or false"),
        ("name=[a]", r"name is '\[a\]', wanted text"),
        ("name={", "'{' is no YAML"),
        ("quantized=true", "quantized is what tells the two trainers apart"),
        ("epochs=0", "recipe 'sample_float' does not hold together: epochs is 0, wanted at least 1"),
        ("schedule=cosin", "schedule is 'cosin', wanted one of cosine, exponential, constant"),
    ],
)
def test_a_change_that_makes_no_recipe_is_refused(compiled, change, message):
    with pytest.raises(RunParameterError, match=f"--recipe-set: .*{message}"):
        values(compiled, recipe_set=[change])


def test_a_change_that_no_trainer_takes_is_refused(compiled):
    del compiled.parameters["qat_recipe_w025_r64"]
    with pytest.raises(
        RunParameterError, match=r"qat\.epochs is for no trainer of the pipeline, which has float_recipe"
    ):
        values(compiled, recipe_set=["qat.epochs=3"])


def test_name_value_pairs_are_parted_at_the_first_equals_sign():
    assert run_parameters.parse(["data=/a=b", " floor =0.5", "data_digest="]) == {
        "data": "/a=b", "floor": "0.5", "data_digest": "",
    }  # fmt: skip


@pytest.mark.parametrize("text", ["floor", "=0.5", ""])
def test_what_is_no_pair_is_refused(text):
    with pytest.raises(RunParameterError, match=f"--parameter is '{text}', wanted NAME=VALUE, such as floor=0.6"):
        run_parameters.parse([text])


def test_another_picture_time_or_place_gives_another_digest_of_the_data(tmp_path):
    shutil.copytree(SAMPLE / "eval", tmp_path / "train")
    shutil.copytree(SAMPLE / "eval", tmp_path / "eval")
    first = run_parameters.data_digest(str(tmp_path))
    assert first is not None
    assert first.startswith("train:500,eval:500,sha256:")
    assert run_parameters.data_digest(str(tmp_path)) == first
    picture = next((tmp_path / "train").glob("*/*"))
    os.utime(picture, (0, 0))
    touched = run_parameters.data_digest(str(tmp_path))
    picture.rename(picture.with_name(f"renamed{picture.suffix}"))
    assert len({first, touched, run_parameters.data_digest(str(tmp_path))}) == 3


def test_the_digest_of_the_data_is_of_what_the_parameters_say_of_it(tmp_path):
    shutil.copytree(SAMPLE / "eval", tmp_path / "train")
    with pytest.raises(RunParameterError, match="none"):
        run_parameters.data_digest(str(tmp_path), {"boxes": str(tmp_path / "none.csv")})
    digest = run_parameters.data_digest(str(tmp_path), {"holdout": 0.1, "data": str(tmp_path), "boxes": ""})
    assert digest is not None
    assert digest.startswith("train:500,sha256:")


@pytest.mark.parametrize("folder", ["/not/on/this/machine", "gs://bucket/pictures"])
def test_data_that_this_machine_does_not_see_has_no_digest(folder):
    assert run_parameters.data_digest(folder) is None


def test_data_that_ingestion_would_refuse_is_refused_before_the_run(tmp_path):
    with pytest.raises(RunParameterError, match="no train folder"):
        run_parameters.data_digest(str(tmp_path))


@pytest.mark.parametrize("value", ["/mnt/{{workflow.name}}", "/mnt/$(HOME)"])
def test_what_argo_would_replace_in_a_value_is_refused_on_kubeflow(compiled, kubeflow, value):
    with pytest.raises(
        RunParameterError, match=r"--parameter data is .*, wanted it without .*which Argo would replace"
    ):
        values(compiled, kubeflow, {"data": value})
    assert values(compiled, kubeflow, {"data": "/mnt/{SPAN}"})["data"] == "/mnt/{SPAN}"
