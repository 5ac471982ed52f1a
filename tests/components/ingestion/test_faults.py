"""Faults are found by content: more than twenty kinds of file, what becomes of each, in how much time and memory."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from components.ingestion.ingest import ingest
from components.ingestion.rules import Rules
from tests.components.ingestion.faults_process import MEMORY
from tests.trainer.pictures.faulty_pictures import CONVERTED, FAULTS, LARGEST, REFUSED, TAKEN, Fault

ROOT = Path(__file__).parents[3]
SECONDS = 1.0


@pytest.fixture(scope="module")
def handled(tmp_path_factory) -> dict[str, list]:
    """What a process of its own made of each file."""
    folder = tmp_path_factory.mktemp("faults")
    for fault in (*FAULTS, LARGEST):
        (folder / fault.file).write_bytes(fault.make())
    command = [sys.executable, "-m", "tests.components.ingestion.faults_process", str(folder)]
    # Each thread of numpy's linear algebra takes addresses, which nothing here needs.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_there_are_more_than_twenty_kinds():
    assert len({fault.file for fault in FAULTS}) >= 20


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.file)
def test_each_is_taken_converted_or_refused_as_said_within_a_second_and_the_memory(handled, fault: Fault):
    outcome, reason, seconds, memory = handled[fault.file]
    assert outcome == fault.outcome
    assert re.match(fault.reason, reason), reason
    assert seconds < SECONDS
    assert memory < MEMORY


def test_the_largest_picture_that_is_taken_fits_into_the_memory(handled):
    outcome, reason, _, memory = handled[LARGEST.file]
    assert (outcome, reason) == (CONVERTED, "WEBP to JPEG")
    assert memory < MEMORY


def test_an_ingestion_of_all_of_them_goes_through_and_its_report_names_each(tmp_path, fill_folder):
    data = fill_folder(tmp_path / "pictures")
    for fault in FAULTS:
        (data / "train" / "ant" / fault.file).write_bytes(fault.make())
    report = ingest(str(data), str(tmp_path / "out"), rules=Rules(max_refused=1))
    for outcome in (CONVERTED, REFUSED):
        files = {item["name"].removeprefix("train/ant/") for item in report[outcome]}
        assert files == {fault.file for fault in FAULTS if fault.outcome == outcome}
    train = report["splits"]["train"]
    taken = sum(fault.outcome == TAKEN for fault in FAULTS)
    assert (train["taken"], train["oriented"], train["grey"]) == (24 + taken, 1, 1)
    assert train["pictures"] + train["refused"] == 24 + len(FAULTS)
