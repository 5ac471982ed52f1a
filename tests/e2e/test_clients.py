"""The shared run's release in the hands of clients that we did not write: ours and theirs on all 500 pictures."""

from pathlib import Path

import pytest

from components.release import bundle
from tests import clients
from tests.e2e.conftest import WholeRun

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def release(whole_run: WholeRun) -> Path:
    return whole_run.workdir / "models" / "0.25_32" / "1"


@pytest.fixture(scope="module")
def pixels(release):
    return clients.pictures(release)


@pytest.mark.parametrize("edges", ["int8", "uint8", "float"])
@pytest.mark.parametrize("client", clients.INTERPRETERS)
def test_interpreters_answer_as_ours_does(release, pixels, client, edges):
    file = release / f"{bundle.read_info(release)['name']}_{edges}.tflite"
    found = clients.agreement(client, edges, clients.INTERPRETERS[client](file, pixels), clients.ours(file, pixels))
    assert found.pictures == 500
    # Other kernels may round otherwise by a step: of 500, some pictures' outputs move by one, and hardly a top-1.
    assert found.furthest <= 1 + 1e-3 and found.same >= 498, found


def test_tensorflows_loader_of_the_saved_model_answers_as_the_float_file_does(release, pixels):
    file = release / f"{bundle.read_info(release)['name']}_float.tflite"
    wanted = clients.ours(file, pixels)
    found = clients.agreement("tf.saved_model.load", "", clients.saved_model(release / "saved_model", pixels), wanted)
    assert (found.pictures, found.same, found.differing) == (500, 500, 0), found
