"""TensorFlow's import, with a made-up one that speaks from below Python as its C++ does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pipeline.terminal import silence

ROOT = Path(__file__).parents[3]
CODE = "from pipeline.terminal import silence; silence.import_tensorflow(); import os; os.write(2, b'heard')"


def imported(folder: Path, source: str) -> subprocess.CompletedProcess[str]:
    (folder / "tensorflow.py").write_text(source)
    paths = os.pathsep.join((str(folder), str(ROOT)))
    command = [sys.executable, "-c", CODE]
    return subprocess.run(command, env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, timeout=60)


def test_what_it_writes_to_the_error_output_is_not_seen_and_what_comes_later_is(tmp_path):
    done = imported(tmp_path, "import os\nos.write(2, b'oneDNN custom operations are on')")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "heard")


def test_an_import_that_fails_is_told_with_all_that_was_said(tmp_path):
    failed = imported(tmp_path, "import os\nos.write(2, b'no such library')\nraise ImportError('broken')")
    assert failed.returncode == 1
    assert failed.stderr.startswith("no such library")
    assert failed.stderr.rstrip().endswith("ImportError: broken")


def test_native_words_are_held_back_and_told_where_an_error_ends_it(capfd):
    with silence.native_words_held_back():
        os.write(2, b"INFO: Created TensorFlow Lite XNNPACK delegate for CPU.\n")
    assert capfd.readouterr() == ("", "")
    with pytest.raises(ValueError), silence.native_words_held_back():
        os.write(2, b"ERROR: no such operator\n")
        raise ValueError
    assert capfd.readouterr() == ("", "ERROR: no such operator\n")
