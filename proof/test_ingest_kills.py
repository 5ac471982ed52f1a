"""`kill -9` at 20 random moments of `mobilenet ingest`, each followed by a run to the end. Writes ingest.md.

Command: .venv/bin/pytest -m proof proof/test_ingest_kills.py   (10 minutes on 2 cores)
"""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
import tensorflow as tf

from proof import ingest_record
from trainer import imagenet

pytestmark = pytest.mark.proof

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "sample"
KILLS, COPIES = 20, 8  # Copies of the bundled pictures under other names, so that there is time to be killed in.
PICTURES = {"train": 2000 * COPIES, "eval": 500 * COPIES}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """The bundled pictures several times, with a comment in each so that no two are the same."""
    root = tmp_path_factory.mktemp("pictures")
    for path in SAMPLE.glob("*/*/*"):
        jpeg = path.read_bytes()
        folder = root / path.parent.relative_to(SAMPLE)
        folder.mkdir(parents=True, exist_ok=True)
        for copy in range(COPIES):
            comment = b"\xff\xfe\x00\x04" + copy.to_bytes(2, "big")
            (folder / f"{copy}_{path.name}").write_bytes(jpeg[:2] + comment + jpeg[2:])
    return root


def started(data: Path, output: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "pipeline", "ingest", "--data", str(data), "--output", str(output)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def at_work(process: subprocess.Popen, output: Path) -> float:
    """Waits until it has imported what it needs and begun → when that was."""
    while process.poll() is None and not output.with_name(f"{output.name}.writing").exists():
        time.sleep(0.002)
    return time.monotonic()


def to_the_end(data: Path, output: Path) -> float:
    """Runs it and lets it → seconds that it worked."""
    with started(data, output) as process:
        begun = at_work(process, output)
    assert process.returncode == 0
    return time.monotonic() - begun


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


def names(output: Path, split: str) -> Counter:
    """How often each picture is in the shards, read by TensorFlow."""
    key = {imagenet.FILENAME: tf.io.FixedLenFeature([], tf.string), imagenet.LABEL: tf.io.FixedLenFeature([], tf.int64)}
    found = Counter()
    for record in tf.data.TFRecordDataset(sorted(map(str, (output / f"Split-{split}").iterdir()))):
        example = tf.io.parse_single_example(record, key)
        found[int(example[imagenet.LABEL]), example[imagenet.FILENAME].numpy()] += 1
    return found


def test_no_example_is_lost_or_doubled_by_twenty_kills(data, tmp_path):
    expected = tmp_path / "expected"
    seconds = to_the_end(data, expected)
    assert {split: len(names(expected, split)) for split in PICTURES} == PICTURES
    wanted, moments, met = files(expected), random.Random(20), Counter()
    while met["at work"] < KILLS:
        output = tmp_path / f"out{met.total()}"
        with started(data, output) as process:
            at_work(process, output)
            time.sleep(moments.uniform(0, seconds))
            process.send_signal(signal.SIGKILL)
        left = output.with_name(f"{output.name}.writing")
        met["done" if output.exists() else "at work" if left.exists() else "before"] += 1
        assert met.total() < 3 * KILLS
        if not output.exists():
            seconds = min(seconds, to_the_end(data, output))  # The first may have run on a busier machine.
        assert not left.exists()
        assert files(output) == wanted
    ingest_record.write(
        "Kills",
        f"Command: `.venv/bin/pytest -m proof proof/test_ingest_kills.py`. {sum(PICTURES.values()):,} small pictures; "
        f"{KILLS} times `kill -9` at a random moment of the {seconds:.1f} s that `mobilenet ingest` works, then "
        f"a run to the end.\n\n{met['at work']} met it at work, {met['done']} when it was done. After each the output "
        "was the same to the last byte as that of a run which nobody killed, so no example was lost or doubled, and "
        "nothing else was left.",
    )
