"""TensorFlow's import, with a made-up one that speaks from below Python as its C++ does."""

import os
import subprocess
import sys
from pathlib import Path

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
