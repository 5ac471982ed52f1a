"""One SGD step of our loop equals the reference's recorded step.

A handful of the 1.4 million activations lie within rounding of a ReLU6 boundary. On which side they fall depends on
the machine's convolution kernels, and one of them moves the stem's weights by up to 1e-3. So the weights are compared
up to a choice of side for each such unit: whole flips of single masks, found by least squares, must explain all of the
difference. A wrong step cannot be explained so: it moves thousands of weights in directions that no flip has.
oneDNN is off, since its kernels round ten times as coarsely and leave too many units undecided.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def reference(oracle):
    return oracle("train_step_0.25_128")


@pytest.fixture(scope="module")
def ours(tmp_path_factory):
    output = tmp_path_factory.mktemp("step") / "step.npz"
    script = Path(__file__).with_name("train_step_process.py")
    environment = {**os.environ, "TF_ENABLE_ONEDNN_OPTS": "0", "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, script, output], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return np.load(output, allow_pickle=False)


def test_losses_equal_the_references(ours, reference):
    assert float(ours["ce"]) == pytest.approx(float(reference["ce"]), abs=1e-5)
    assert float(ours["reg"]) == pytest.approx(float(reference["reg"]), abs=1e-5)
    assert int(ours["kernels"]) == 15


def test_moving_statistics_equal_the_references(ours, reference):
    names = [name for name in reference.files if name.startswith("after/") and "/moving_" in name]
    assert len(names) == 5
    for name in names:
        np.testing.assert_allclose(ours[name], reference[name], atol=1e-5, err_msg=name)


def test_trained_weights_equal_the_references(ours, reference):
    names = [name for name in reference.files if name.startswith("after/") and "/moving_" not in name]
    assert len(names) == 5
    gap = np.concatenate([(reference[name] - ours[name]).ravel() for name in names])
    flips = ours["flips"]
    sides = np.linalg.lstsq(flips, gap, rcond=None)[0].round().clip(0, 1)
    assert np.abs(gap - flips @ sides).max() < 1e-5
    assert sides.sum() <= 5
