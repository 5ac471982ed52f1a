"""The EvalConfig, made in a process that has not imported TFX, as `mobilenet evaluate` makes it."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CODE = """
import sys
from pipeline import eval_config as evaluation
print(len(evaluation.eval_config(code="").model_specs), "tfx" in sys.modules)
"""


def test_an_eval_config_needs_no_tfx_whose_import_mends_tfmas_names_on_the_current_stack():
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    command = [sys.executable, "-W", "ignore", "-c", CODE]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["2", "False"]
