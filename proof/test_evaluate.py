"""What an evaluation costs: the CPU of a picture against a plain loop's, and the memory of 50,000. Writes evaluate.md.

Command: .venv/bin/pytest -m proof proof/test_evaluate.py   (4 GB under the temporary folder, 15 minutes on 2 cores)
"""

import argparse
import os
import statistics
from pathlib import Path

import pytest

from benchmarks import corpus, evaluate

pytestmark = [
    pytest.mark.proof,
    # The converter says so of every model with integer edges; tf_keras draws seeds from a range with float ends.
    pytest.mark.filterwarnings("ignore:Statistics for quantized inputs:UserWarning:tensorflow.lite"),
    pytest.mark.filterwarnings("ignore:non-integer arguments to randrange:DeprecationWarning:random"),
]

PICTURES = 50_000
MEMORY = 2e9  # Bytes.
RATIO = 1.25
OPTIONS = argparse.Namespace(variant="0.25_128", classes=1001, few=1000, many=5000, rounds=3)
REPORT = Path(__file__).with_name("evaluate.md")


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    evaluate.prepare(folder, OPTIONS)
    return folder


def test_a_picture_costs_at_most_a_quarter_more_than_in_a_plain_loop_and_50_000_fit_into_2_gb(folder):
    rounds = [{side: evaluate.slope(side, folder, OPTIONS) for side in evaluate.SIDES} for _ in range(OPTIONS.rounds)]
    ratio = statistics.median(costs["tfma"] / costs["loop"] for costs in rounds)
    examples = folder / f"examples-{PICTURES}"
    examples.mkdir()
    size = corpus.write_shard(examples / evaluate.SHARD, PICTURES, classes=OPTIONS.classes)
    whole = evaluate.run("tfma", folder, PICTURES)
    rows = "".join(
        f"| {1000 * c['loop']:.3f} | {1000 * c['tfma']:.3f} | {c['tfma'] / c['loop']:.3f} |\n" for c in rounds
    )
    REPORT.write_text(
        "# What an evaluation costs\n\n"
        "Command: `.venv/bin/pytest -m proof proof/test_evaluate.py`; the first table alone: `python -m "
        f"benchmarks.evaluate --rounds {OPTIONS.rounds}`. {os.cpu_count()} cores; 0.25_128 in int8, 1001 classes; "
        "500 x 375 JPEGs of 85 KB.\n\n"
        "CPU of one more picture, the slope between 1,000 and 5,000, metrics included on both sides:\n\n"
        "| plain loop, ms | mobilenet evaluate, ms | ratio |\n| --- | --- | --- |\n" + rows + "\n"
        f"Median ratio {ratio:.3f}; wanted at most {RATIO}.\n\n"
        f"{PICTURES:,} pictures ({size / 1e9:.2f} GB): {whole['cpu'][0]:.0f} s of CPU, "
        f"{whole['memory'] / 1e6:,.0f} MB of memory at most; wanted less than {MEMORY / 1e6:,.0f} MB.\n",
        encoding="utf-8",
    )
    assert whole["memory"] < MEMORY
    assert ratio <= RATIO
