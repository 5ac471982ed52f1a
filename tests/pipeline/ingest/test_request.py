"""`mobilenet ingest`: the same code as the node's, without a pipeline; the output is there whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from components.ingestion.ingest import ingest
from components.sources.detect import Wanted
from components.sources.imagenet import ground_truth
from tests.components.sources import records, small_ilsvrc

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "pipeline", "ingest"]


def mobilenet_ingest(*arguments: object) -> subprocess.CompletedProcess:
    environment = {**os.environ, "COLUMNS": "200"}
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> Path:
    return small_ilsvrc.folders(tmp_path_factory.mktemp("folders"))


def test_it_writes_what_the_component_writes_and_prints_the_report(folders, tmp_path):
    data = small_ilsvrc.ilsvrc_tars(folders, tmp_path / "data")
    truth = small_ilsvrc.write_list(folders, tmp_path / "labels.txt")
    out = tmp_path / "new" / "examples"
    done = mobilenet_ingest("--data", data, "--output", out, "--source", "ilsvrc", "--ground-truth", truth)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "train: 30 pictures (30 as they were, 0 converted), 0 refused" in done.stdout
    assert f"All of it: {out}" in done.stdout
    ingest(str(folders), str(tmp_path / "expected"))
    assert files(out) == files(tmp_path / "expected")
    assert [path.name for path in out.parent.iterdir()] == ["examples"]  # No log, nothing half written.


def test_what_cannot_work_is_one_clear_sentence_and_writes_nothing(folders, tmp_path):
    data = small_ilsvrc.ilsvrc_tars(folders, tmp_path / "data")
    (data / ground_truth.WNID_LIST).write_text("n01440764\n" * 20)
    faults = [
        (["--data", data], "has 5 classes and"),
        (["--data", folders, "--ground-truth", data / ground_truth.WNID_LIST], "is for ILSVRC2012's own tars"),
        (["--data", tmp_path / "none"], "none does not exist. Wanted train/<class>/"),
        (["--data", tmp_path / "{SPAN}" / "none"], "Cannot find matching for split data"),
        (["--data", folders, "--max-refused", "5"], "--max-refused is 5.0, wanted a fraction from 0 to 1"),
        (["--data", folders, "--beam-workers", "0"], "--beam-workers is 0, wanted at least 1"),
    ]
    for arguments, message in faults:
        done = mobilenet_ingest(*arguments, "--output", tmp_path / "out")
        assert done.returncode == 1
        assert message in done.stderr
        assert "Traceback" not in done.stdout + done.stderr
        left = [path for path in tmp_path.glob("out*") if path.suffix != ".log"]
        assert left == [] and all(str(path) in done.stderr.replace("\n", "") for path in tmp_path.glob("out*.log"))
        for path in tmp_path.glob("out*.log"):
            path.unlink()


def test_options_for_a_part_of_the_newest_records_do_what_the_same_values_do_in_python(folders, tmp_path):
    names = tmp_path / "classes.txt"
    names.write_text("n02085620\nn01440764\n")
    (tmp_path / "spans" / "7").mkdir(parents=True)
    newest = records.slim(folders, tmp_path / "spans" / "12")
    boxes = tmp_path / "boxes.csv"
    boxes.write_text("n01440764_0.JPEG,0.1,0.2,0.3,0.4\n")
    options = {"--classes": f"@{names}", "--holdout": 0.5, "--boxes": boxes, "--source": "slim"}
    given = [each for pair in options.items() for each in pair]
    done = mobilenet_ingest("--data", tmp_path / "spans" / "{SPAN}", "--output", tmp_path / "out", *given)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{newest} is the newest." in done.stdout
    assert "2 classes" in done.stdout
    assert "bounding boxes: 1 on 1 pictures" in done.stdout
    wanted = Wanted(boxes=str(boxes), classes="n01440764,n02085620", holdout=0.5)
    ingest(str(folders), str(tmp_path / "expected"), wanted=wanted)
    assert files(tmp_path / "out") == files(tmp_path / "expected")
    assert (tmp_path / "out" / "Split-minival").is_dir()


def test_an_output_that_is_there_is_left_alone(folders, tmp_path):
    (tmp_path / "out").mkdir()
    done = mobilenet_ingest("--data", folders, "--output", tmp_path / "out")
    assert done.returncode == 1
    assert "is there already: give a folder that does not exist yet" in done.stderr
    assert list((tmp_path / "out").iterdir()) == []
