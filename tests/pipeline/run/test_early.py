"""What cannot work is said before TensorFlow is imported and before anything is written."""

import dataclasses
import fcntl
import json
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline import node_ids
from pipeline.branch import Branch, Start
from pipeline.run import early, early_notes
from pipeline.run.early import Seen
from pipeline.settings.error import SettingsError
from pipeline.settings.local import Settings

ROOT = Path(__file__).parents[3]
PICTURE = next((ROOT / "data" / "sample" / "eval" / "bag").iterdir()).read_bytes()


def pictures(folder: Path, **counts: int) -> None:
    """`train_cat=3` → three pictures in train/cat."""
    for name, count in counts.items():
        split, _, category = name.partition("_")
        place = folder / split / category
        place.mkdir(parents=True)
        for number in range(count):
            (place / f"{number}.jpg").write_bytes(PICTURE)


@pytest.fixture
def data(tmp_path) -> Path:
    pictures(tmp_path / "data", train_cat=12, train_dog=8, eval_cat=5, eval_dog=5)
    return tmp_path / "data"


def check(data: Path, recipe: str = "auto", from_node: str | None = None, **settings) -> Seen | None:
    workdir = data.parent / "runs"
    branch = Branch.of("0.25_32", recipe)
    return early.check(Settings(data=data, workdir=workdir, **settings), [branch], from_node=from_node)


def test_a_source_that_is_whole_is_counted(data):
    seen = check(data)
    assert seen == Seen({"train": 20, "eval": 10}, {"cat": 12, "dog": 8})
    assert seen is not None and seen.outputs == 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": "cat,zebra"}, r"--classes: .* has no class zebra\. It has cat, dog"),
        ({"classes": "@/no/file"}, "--classes @/no/file cannot be read"),
        ({"recipe": "tiny"}, "tiny_float: 20 training pictures do not fill one batch of 32.* --batch-size"),
        ({"from_node": "Trainr"}, "--from: no node 'Trainr': there are ImageNetExampleGen, .*FloatTrainer-w025-r32"),
        ({"ground_truth": "x"}, "--ground-truth .*x is for ILSVRC2012's own tars"),
    ],
)
def test_what_cannot_work_is_named(data, arguments, message):
    with pytest.raises(SettingsError, match=message):
        check(data, **arguments)
    assert not (data.parent / "runs").exists()


@pytest.mark.parametrize(
    ("counts", "message"),
    [
        ({"eval_cat": 1, "eval_dog": 1}, "no train folder. Found: eval"),
        ({"train_cat": 2}, "1 class"),
        ({"train_cat": 2, "train_dog": 2, "eval_cat": 1, "eval_bird": 1}, "bird"),
    ],
)
def test_folders_that_are_not_laid_out_as_wanted_are_named(tmp_path, counts, message):
    pictures(tmp_path / "data", **counts)
    with pytest.raises(SettingsError, match=message):
        check(tmp_path / "data")


def test_quantization_that_would_begin_after_the_training_is_named(data):
    recipe = data.parent / "late.yaml"
    recipe.write_text("base: sample\nfloat: {batch_size: 2}\nqat: {batch_size: 2, quant_delay: 1000}\n")
    with pytest.raises(SettingsError, match="fake quantization begins after 1000 steps"):
        check(data, str(recipe))


def test_a_work_directory_that_another_run_holds_is_named_and_one_that_is_free_is_left_as_it_is(data):
    runs = data.parent / "runs"
    runs.mkdir()
    check(data)
    assert not list(runs.iterdir())
    with (runs / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(SettingsError, match="another run is at work in"):
            check(data)
    check(data)
    (runs / "workdir.json").write_text(json.dumps({"format": 2}))
    with pytest.raises(SettingsError, match=r"workdir\.json.*Or give another --workdir DIR"):
        check(data)


@pytest.mark.parametrize("trained_on", [None, False, True])
def test_the_ids_are_those_of_the_nodes_that_the_pipeline_has(trained_on, tmp_path):
    from pipeline.pipeline import create_pipeline

    start = None if trained_on is None else Start(tmp_path / "x.ckpt", trained_on=trained_on, digest="0")
    branches = [dataclasses.replace(Branch.of(name, "tiny"), start=start) for name in ("0.25_32", "0.5_64")]
    made = create_pipeline(Settings(workdir=tmp_path), branches)
    assert sorted(node_ids.of(branches)) == sorted(node.id for node in made.components)


def test_the_errors_import_neither_tensorflow_nor_tfx_nor_numpy(data):
    code = (
        "import sys; from unittest import mock; from pipeline import cli\n"
        "try: cli.main()\n"
        "except SystemExit as ended: print(ended.code)\n"
        "print(sorted({'tensorflow', 'tfx', 'apache_beam', 'numpy', 'scipy', 'pyarrow'} & set(sys.modules)))\n"
    )
    for command in (["run", "--workdir", str(data.parent / "runs")], ["ingest", "--output", str(data.parent / "out")]):
        arguments = [*command, "--data", str(data), "--classes", "cat,zebra"]
        done = subprocess.run([sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True)
        assert done.stdout == "1\n[]\n", done.stderr
        assert "has no class zebra" in done.stderr


def test_few_pictures_are_told_before_the_training_with_how_many_it_takes():
    [note] = early_notes.of(Settings(), Seen({"train": 60, "eval": 30}, {"cat": 30, "dog": 30}))
    assert note.startswith("Note: 30 evaluation pictures are too few")
    assert "to see a drop of 5 points takes 383." in note and "releases nothing" in note and "--accept-small" in note
    [note] = early_notes.of(Settings(accept_small=True), Seen({"train": 60, "eval": 30}, {"cat": 30, "dog": 30}))
    assert "With --accept-small it is released all the same" in note
    assert not [*early_notes.of(Settings(), Seen({"train": 60, "eval": 383}, {"cat": 30, "dog": 30}))]
    assert not [*early_notes.of(Settings(), None)]


def test_uneven_classes_are_told_with_what_the_largest_alone_would_be_right_for():
    [note] = early_notes.of(Settings(), Seen({"train": 120, "eval": 500}, {"cat": 100, "dog": 20}))
    assert "100 training pictures of cat, 20 of dog. Always answering cat is right for 83.3% of them" in note
    assert not [*early_notes.of(Settings(), Seen({"train": 119, "eval": 500}, {"cat": 99, "dog": 20}))]
