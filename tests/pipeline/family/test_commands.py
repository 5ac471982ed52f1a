"""`mobilenet download` and `mobilenet import-checkpoint`: a model folder, or one clear sentence and nothing written."""

import re
import tarfile
from pathlib import Path

import pytest
from typer.testing import CliRunner

from pipeline.family import commands as family_commands
from tests.trainer.slim.release_server import serving
from trainer import export

PREFIX = Path(__file__).parents[2] / "data" / "oracle" / "mobilenet_v1_0.25_128.ckpt"
NAME = "mobilenet_v1_0.25_128.tgz"


def mobilenet(*arguments: object) -> tuple[int, str]:
    """→ exit code and output."""
    result = CliRunner().invoke(family_commands.app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> bytes:
    """The oracle's checkpoint, packed as a release."""
    path = tmp_path_factory.mktemp("release") / NAME
    with tarfile.open(path, "w:gz") as tar:
        for file in sorted(PREFIX.parent.glob(f"{PREFIX.name}.*")):
            tar.add(file, f"./{file.name}")
    return path.read_bytes()


def test_a_release_is_downloaded_and_becomes_a_model_folder(release, tmp_path):
    with serving() as server:
        server.files[NAME] = release
        code, said = mobilenet("download", "0.25_128", "--output", tmp_path, "--url", server.url)
    assert code == 0
    assert re.search(r"SHA-256 [0-9a-f]{64}, in mobilenet_v1_0.25_128.tgz.sha256", said)
    code, said = mobilenet("import-checkpoint", tmp_path / NAME, "--output", tmp_path / "model")
    assert code == 0
    assert "0.25_128, 1001 classes, raw, 0 steps. SHA-256 of the checkpoint" in said
    assert export.read_description(str(tmp_path / "model")).variant.name == "0.25_128"


def test_labels_and_resolution_are_the_users(tmp_path):
    labels = tmp_path / "names.txt"
    labels.write_text("background\n" + "".join(f"n{label:08d}\n" for label in range(1, 1001)))
    options = ["--variant", "0.25_96", "--raw", "--labels", labels, "--output", tmp_path / "model"]
    assert mobilenet("import-checkpoint", PREFIX, *options)[0] == 0
    assert export.labels(str(tmp_path / "model"))[1000] == "n00001000"
    assert export.read_description(str(tmp_path / "model")).resolution == 96


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([PREFIX, "--variant", "0.5_128"], "has (3, 3, 3, 8), wanted (3, 3, 3, 16)"),
        ([PREFIX, "--variant", "0.25"], "'0.25' is not a variant: wanted WIDTH_RESOLUTION"),
        ([PREFIX.parent], "is a folder: give a checkpoint's prefix; in it: mobilenet_v1_0.25_128.ckpt"),
        (["/no/such.ckpt"], "/no/such.ckpt is not a readable TF1 checkpoint"),
        (["/no/such.tgz"], "No such file or directory: '/no/such.tgz'"),
        ([PREFIX, "--labels", "/no/names.txt"], "No such file or directory: '/no/names.txt'"),
    ],
    ids=["another width", "no variant", "a folder", "no checkpoint", "no archive", "no labels"],
)
def test_what_cannot_be_imported_is_one_clear_message_and_nothing_is_written(arguments, message, tmp_path):
    code, said = mobilenet("import-checkpoint", *arguments, "--output", tmp_path / "model")
    assert code == 1
    assert said.startswith("Error: ")
    assert message in said
    assert list(tmp_path.iterdir()) == []


def test_an_archive_that_leads_elsewhere_is_refused_and_nothing_is_written(tmp_path):
    path = tmp_path / NAME
    with tarfile.open(path, "w:gz") as tar:
        tar.add(__file__, "../evil.py")
    code, said = mobilenet("import-checkpoint", path, "--output", tmp_path / "deep" / "model")
    assert code == 1
    assert "'../evil.py' is refused, its path leads out of the archive" in said
    assert list(tmp_path.iterdir()) == [path]


def test_offline_is_one_clear_message(tmp_path):
    code, said = mobilenet("download", "1.0_224", "--output", tmp_path / "releases", "--url", "http://127.0.0.1:9")
    assert code == 1
    assert "Error: http://127.0.0.1:9/mobilenet_v1_1.0_224.tgz cannot be reached" in said
    assert not list(tmp_path.rglob("*.tgz*"))


def test_what_was_never_published_is_refused_with_what_was(tmp_path):
    code, said = mobilenet("download", "0.35_224", "--output", tmp_path)
    assert code == 1
    assert "0.35_224 was not published: wanted one of the widths 1.0, 0.75, 0.5, 0.25" in said
