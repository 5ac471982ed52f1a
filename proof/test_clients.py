"""Clients that we did not write take each file of a release, on the 500 bundled eval pictures. Writes clients.md.

Command: .venv/bin/pytest -m proof proof/test_clients.py
"""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from components.release import bundle, signature
from pipeline.release import verify
from tests import clients
from tests.clients import Agreement
from trainer import tflite

ROOT = Path(__file__).parents[1]
REPORT = Path(__file__).with_name("clients.md")
SHOWN = ("client", "file", "pictures", "same top-1", "outputs that differ at all", "furthest, in steps of 1/256")

pytestmark = pytest.mark.proof


@pytest.fixture(scope="module")
def release(tmp_path_factory) -> Path:
    workdir = tmp_path_factory.mktemp("clients") / "runs"
    command = [sys.executable, "-m", "pipeline", "run", "--recipe", "tiny", "--variant", "0.25_32"]
    done = subprocess.run([*command, "--workdir", str(workdir)], cwd=ROOT, text=True, stdout=subprocess.PIPE)
    assert done.returncode == 0, done.stdout
    return workdir / "models" / "0.25_32" / "1"


@pytest.fixture(scope="module")
def pixels(release) -> np.ndarray:
    return clients.pictures(release)


@pytest.fixture(scope="module")
def lines():
    """Rows of the report, which is written when all clients have been asked."""
    rows: list[tuple[object, ...]] = []
    yield rows
    cells = [SHOWN, tuple("---" for _ in SHOWN), *rows]
    table = "\n".join(f"| {' | '.join(map(str, row))} |" for row in cells)
    REPORT.write_text(
        "# Clients that we did not write\n\n"
        "Command: `.venv/bin/pytest -m proof proof/test_clients.py`: a release of `mobilenet run --recipe tiny "
        "--variant 0.25_32`, and the 500 bundled\neval pictures, uint8 of the network's size. Ours is "
        "`tflite.Classifier`. Of equal outputs any counts as the same top-1. MediaPipe feeds a uint8 file\nwith the "
        "pixel p itself; (p / 127.5 - 1) on the file's scale of 1/128 is p for p < 128 and p + 1 above: one step of "
        "the input.\n\n" + table + "\n",
        encoding="utf-8",
    )


def row(found: Agreement) -> tuple[object, ...]:
    return (
        found.client, found.file, found.pictures, found.same, found.differing, f"{found.furthest:.3f}",
    )  # fmt: skip


def file_of(release: Path, edges: str) -> Path:
    return release / f"{bundle.read_info(release)['name']}_{edges}.tflite"


def environment(folder: Path, *packages: str) -> Path:
    """An interpreter with nothing but these; skipped with the reason where they cannot be had."""
    uv = shutil.which("uv") or ROOT / ".venv" / "uv" / "bin" / "uv"
    for command in (
        [uv, "venv", "--quiet", "--python", sys.executable, folder],
        [uv, "pip", "install", "--quiet", "--python", folder / "bin" / "python", *packages],
    ):
        try:
            done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300)
        except (OSError, subprocess.TimeoutExpired) as error:
            pytest.skip(f"{', '.join(packages)} cannot be installed here: {error}")
        if done.returncode:
            pytest.skip(f"{', '.join(packages)} cannot be installed here: {done.stderr.strip().splitlines()[-1]}")
    return folder / "bin" / "python"


def said_by(python: Path, script: str, *arguments: Path) -> dict:
    command = [str(python), str(Path(__file__).with_name(script)), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout)


@pytest.mark.parametrize("edges", ["int8", "uint8", "float"])
@pytest.mark.parametrize("client", clients.INTERPRETERS)
def test_interpreters(release, pixels, lines, client, edges):
    file = file_of(release, edges)
    found = clients.agreement(client, edges, clients.INTERPRETERS[client](file, pixels), clients.ours(file, pixels))
    lines.append(row(found))
    assert found.pictures == 500 and found.same >= 498 and found.furthest <= 1 + 1e-3, found


def test_tensorflows_loader(release, pixels, lines):
    wanted = clients.ours(file_of(release, "float"), pixels)
    found = clients.saved_model(release / "saved_model", pixels)
    lines.append(row(result := clients.agreement("tf.saved_model.load", "saved_model", found, wanted)))
    assert (result.pictures, result.same) == (500, 500), result


def test_tensorflow_hubs_loader(release, pixels, lines, tmp_path):
    python = environment(tmp_path / "env", "tensorflow-cpu==2.16.2", "tensorflow-hub==0.16.1", "setuptools<81")
    np.save(tmp_path / "pictures.npy", clients.scaled(pixels))
    said = said_by(python, "hub_client.py", release / "saved_model", tmp_path / "pictures.npy", tmp_path / "out.npy")
    wanted = clients.ours(file_of(release, "float"), pixels)
    result = clients.agreement(
        f"tensorflow_hub {said['version']}", "saved_model", np.load(tmp_path / "out.npy"), wanted
    )
    lines.append(row(result))
    assert (result.pictures, result.same) == (500, 500), result


@pytest.mark.parametrize("edges", ["uint8", "float"])
def test_mediapipes_image_classifier(release, pixels, lines, tmp_path, edges):
    python = environment(tmp_path / "env", "mediapipe")
    np.save(tmp_path / "pictures.npy", pixels)
    said = said_by(python, "mediapipe_client.py", file_of(release, edges), tmp_path / "pictures.npy")
    labels = tflite.Classifier(file_of(release, edges)).labels
    found = np.zeros((len(pixels), len(labels)), np.float32)
    for place, categories in enumerate(said["answers"]):
        for index, label, score in categories:
            assert label == labels[index]
            found[place, index] = score
    # A uint8 file's code for -1…1 is not the pixel itself (see the report's head): ours with MediaPipe's codes.
    as_fed = pixels if edges == "float" else (pixels.astype(np.float32) - 128) / 128
    ours = clients.ours(file_of(release, edges), pixels)
    lines.append(row(clients.agreement(f"MediaPipe {said['version']}", edges, found, ours)))
    if edges == "uint8":
        ours = tflite.Classifier(file_of(release, edges)).probabilities(as_fed)
        lines.append(
            row(clients.agreement(f"MediaPipe {said['version']}, ours fed with its codes", edges, found, ours))
        )
    agreement = clients.agreement("MediaPipe", edges, found, ours)
    assert agreement.same == 500 and agreement.furthest <= 1 + 1e-3, agreement


@pytest.mark.parametrize("edges", ["int8", "uint8", "float"])
def test_the_schemas_own_parser_reads_what_we_read(release, lines, tmp_path, edges):
    python = environment(tmp_path / "env", "tflite", "numpy<2")
    said = said_by(python, "schema_client.py", file_of(release, edges))
    content = file_of(release, edges).read_bytes()
    assert said["operators"] == [operator.name for operator in tflite.operators(content)]
    info = bundle.read_info(release)["files"][file_of(release, edges).name]
    assert said["names"] == [info["input"]["name"], info["output"]["name"]]
    assert said["scales"] == pytest.approx([info["input"]["scale"] or 0, info["output"]["scale"] or 0])
    assert [shape[1:] for shape in said["shapes"]] == [info["input"]["shape"][1:], info["output"]["shape"][1:]]
    assert "TFLITE_METADATA" in said["metadata"]
    lines.append(
        ("`tflite`, the schema's parser", edges, "—", "—", "—", f"{len(said['operators'])} operators, read alike")
    )


def test_model_signing_verifies_our_signature_and_we_verify_its(release, tmp_path, lines):
    python = environment(tmp_path / "env", "model-signing", "pyopenssl")
    keys = tmp_path / "key.pem", tmp_path / "public.pem"
    for command in (
        ["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", keys[0]],
        ["ec", "-in", keys[0], "-pubout", "-out", keys[1]],
    ):
        subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True)
    folder = tmp_path / "1"
    shutil.copytree(release, folder)
    ours = signature.sign(folder, keys[0])
    theirs = [str(python.with_name("model_signing"))]
    options = [str(folder), "--signature", str(ours)]
    command = [*theirs, "verify", "key", *options, "--public_key", str(keys[1])]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0 and "Verification succeeded" in done.stdout + done.stderr, done.stderr
    ours.unlink()
    subprocess.run([*theirs, "sign", "key", *options, "--private_key", str(keys[0])], check=True, capture_output=True)
    assert verify.faults(folder, keys[1]) == []
    (folder / "labels.txt").write_text("background\n")
    assert subprocess.run(command, capture_output=True).returncode != 0
    lines.append(
        ("`model-signing`", "model.sig", "—", "—", "—", "each verifies the other's; a changed file is refused")
    )
