"""Every way to begin with a checkpoint, and without one, on the bundled pictures: each ends in a pushed bundle.

The checkpoint is that of a first run's own bundle, under the reference's variable names; the reference's own weights
cannot be fetched here. Writes checkpoints.md.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from components.release import bundle

ROOT = Path(__file__).parents[1]
STEM = "mobilenet_v1_0.25_64"
WAYS = {
    "float training, then fine-tuned with fake quantization": [],
    "quantized from scratch": ["--from-scratch"],
    "the checkpoint instead of float training": ["--float-checkpoint", "CKPT"],
    "the checkpoint as baseline, quantized from scratch": ["--float-checkpoint", "CKPT", "--from-scratch"],
    "float training goes on from the checkpoint": ["--init-checkpoint", "CKPT"],
}


def _run(workdir: Path, options: list[str]) -> dict:
    command = [sys.executable, "-m", "pipeline", "run", "--workdir", str(workdir), *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    folder = workdir / "models" / "0.25_64" / "1"
    assert bundle.verify(folder) == []
    return json.loads((folder / bundle.INFO).read_text())


@pytest.mark.proof
def test_each_way_ends_in_a_pushed_bundle(tmp_path):
    checkpoint = tmp_path / "0" / "models" / "0.25_64" / "1" / f"{STEM}.ckpt"
    rows = []
    for number, (way, options) in enumerate(WAYS.items()):
        given = [str(checkpoint) if option == "CKPT" else option for option in options]
        results = _run(tmp_path / str(number), given)["results"]
        scores = [f"{results[kind]['top1']:.2%}" for kind in ("float", "int8")]
        rows.append(f"| {way} | `{' '.join(['mobilenet run', *options])}`" + f" | {' | '.join(scores)} |")
    text = (
        "# Every way to begin a run, on the bundled pictures: each ends in a pushed bundle\n\n"
        "`.venv/bin/pytest -m proof proof/test_checkpoints.py`; recipe `sample`, 0.25_64, 500 eval pictures. CKPT is\n"
        f"`{STEM}.ckpt` of the first row's bundle.\n\n"
        "| | command | float top-1 | int8 top-1 |\n| --- | --- | --- | --- |\n"
    )
    (ROOT / "proof" / "checkpoints.md").write_text(text + "\n".join(rows) + "\n")
