"""TFMA with our extractor against a plain loop over the same file and interpreter; prints the ratio of CPU time.

    python -m benchmarks.evaluate [--variant 0.25_128] [--classes 1001] [--few 1000] [--many 5000] [--rounds 3]

Each side runs in a process of its own: once on few pictures to warm up, then on few and on many. What a further picture
costs is the slope between the two, so imports and the loading of the model are left out. Metrics are computed on both
sides. The pictures are 500 x 375 JPEGs of 85 KB (benchmarks/corpus.py).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

SIDES = ("loop", "tfma")
SHARD = "data_tfrecord-00000-of-00001"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variant", default="0.25_128")
    for option, default in (("--classes", 1001), ("--few", 1000), ("--many", 5000), ("--rounds", 3)):
        parser.add_argument(option, type=int, default=default)
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--pictures", type=int, nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        _one(options)
        return
    with tempfile.TemporaryDirectory() as folder:
        prepare(Path(folder), options)
        rounds = [{side: slope(side, Path(folder), options) for side in SIDES} for _ in range(options.rounds)]
    for costs in rounds:
        print("  ".join(f"{side} {1000 * cost:.3f} ms" for side, cost in costs.items()), "of CPU a picture")
    ratios = [costs["tfma"] / costs["loop"] for costs in rounds]
    print(f"ratio tfma : loop {statistics.median(ratios):.3f}, the median of {options.rounds} rounds")


def slope(side: str, folder: Path, options: argparse.Namespace) -> float:
    """CPU seconds of one more picture."""
    few, many = options.few, options.many
    _, of_few, of_many = run(side, folder, few, few, many)["cpu"]
    return (of_many - of_few) / (many - few)


def run(side: str, folder: Path, *pictures: int) -> dict[str, Any]:
    """CPU seconds of each so many pictures, in turn, and the most bytes of memory, of a process of its own."""
    command = [sys.executable, "-m", "benchmarks.evaluate", "--side", side, "--folder", str(folder)]
    command += ["--pictures", *map(str, pictures)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(done.stderr)
    said = json.loads(done.stdout.strip().splitlines()[-1])
    seconds = ", ".join(f"{cpu:.1f} s for {count:,}" for cpu, count in zip(said["cpu"], pictures, strict=True))
    print(f"  {side:5} {seconds} pictures, {said['memory'] / 1e6:,.0f} MB at most", file=sys.stderr)
    return said


def _one(options: argparse.Namespace) -> None:
    seconds = []
    for pictures in options.pictures:
        shard = options.folder / f"examples-{pictures}" / SHARD
        before = time.process_time()
        {"loop": _loop, "tfma": _tfma}[options.side](shard, options.folder / "model.tflite", options.folder)
        seconds.append(time.process_time() - before)
    print(json.dumps({"cpu": seconds, "memory": _most_memory()}))


def _most_memory() -> int:
    """Bytes. Not getrusage's, which begins with what the parent had when it forked."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmHWM"))


def _tfma(shard: Path, model: Path, folder: Path) -> None:
    from rich.console import Console

    from pipeline.evaluate import evaluate
    from pipeline.terminal.progress import Follower

    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        request = evaluate.Request([f"int8={model}"], shard.parent, Path(scratch) / "evaluation")
        result = evaluate.evaluate(request, follower=Follower(Console(quiet=True)))
    print(result.overall.scores["int8"].top1_count)


def _loop(shard: Path, model: Path, folder: Path) -> None:
    """What somebody would write who has no pipeline: tf.data, the interpreter, numpy."""
    del folder
    import numpy as np

    from trainer import input_pipeline, tflite

    runner = tflite.Runner(model.read_bytes())
    side, classes = runner.graph.resolution, runner.graph.classes
    confusion, top5, loss = np.zeros((classes, classes), np.int64), 0, 0.0
    bins = np.zeros((3, 15))
    batches = input_pipeline.eval_dataset([str(shard)], resolution=side, central_fraction=0.875, batch_size=32)
    for images, labels in batches.as_numpy_iterator():
        probabilities = runner.probabilities(images)
        rows = np.arange(len(labels))
        of_label = probabilities[rows, labels]
        predicted = probabilities.argmax(axis=1)
        np.add.at(confusion, (labels, predicted), 1)
        top5 += int(((probabilities > of_label[:, np.newaxis]).sum(axis=1) < 5).sum())
        loss -= float(np.log(np.maximum(of_label, 1 / 512)).sum())
        sure = probabilities[rows, predicted]
        place = np.minimum((sure * 15).astype(int), 14)
        for row, weights in enumerate((None, predicted == labels, sure)):
            bins[row] += np.bincount(place, weights, 15)
    print(int(np.trace(confusion)), top5, loss)


def prepare(folder: Path, options: argparse.Namespace) -> None:
    """Writes the pictures and the model."""
    import numpy as np
    import tensorflow as tf

    from benchmarks import corpus
    from trainer.keras import keras
    from trainer.network import mobilenet_v1
    from trainer.network.variant import Variant

    for pictures in (options.few, options.many):
        examples = folder / f"examples-{pictures}"
        examples.mkdir()
        size = corpus.write_shard(examples / SHARD, pictures, classes=options.classes)
    print(f"{size / options.many / 1000:.1f} KB a picture", file=sys.stderr)
    variant = Variant.parse(options.variant)
    keras.utils.set_random_seed(1)
    model = mobilenet_v1.build(width=variant.width, resolution=variant.resolution, classes=options.classes)
    converter = tf.lite.TFLiteConverter.from_keras_model(keras.Sequential([model, keras.layers.Softmax()]))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    picture = np.random.default_rng(1).uniform(-1, 1, (1, variant.resolution, variant.resolution, 3))
    converter.representative_dataset = lambda: ([picture.astype(np.float32)] for _ in range(10))
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    (folder / "model.tflite").write_bytes(converter.convert())


if __name__ == "__main__":
    main()
