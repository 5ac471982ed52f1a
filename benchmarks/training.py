"""Our training loop against Keras's `fit`: the same network, optimizer and pictures, in turn; prints the ratio.

    python -m benchmarks.training [--resolution 64] [--batch-size 128] [--epochs 4] [--rounds 3]

Both read the same tf.data
pipeline over the bundled pictures, decoding and augmentation included.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import tensorflow as tf

from components.ingestion import ingest
from trainer import input_pipeline
from trainer.keras import keras
from trainer.network import mobilenet_v1
from trainer.recipes import sample
from trainer.training import loop, optimizer
from trainer.training.training_task import Task

SAMPLE = Path(__file__).parents[1] / "data" / "sample"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for option, default in (("--resolution", 64), ("--batch-size", 128), ("--epochs", 4), ("--rounds", 3)):
        parser.add_argument(option, type=int, default=default)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        report = ingest.ingest(str(SAMPLE), f"{folder}/examples")
        job = _job(options, folder, report["splits"]["train"]["pictures"])
        ours, fit = _ours(job), _fit(job)
        for run in (ours, fit):
            run()  # Traces.
        times = [(ours(), fit()) for _ in range(options.rounds)]
    pictures = job.steps * options.batch_size
    best = [min(column) for column in zip(*times, strict=True)]
    print(f"ours {pictures / best[0]:,.0f} pictures/s, fit {pictures / best[1]:,.0f} pictures/s (best of rounds)")
    ratio = statistics.median(fit_seconds / our_seconds for our_seconds, fit_seconds in times)
    print(f"ratio ours : fit {ratio:.2f}, the median of {options.rounds} rounds; above 1, ours is faster")


def _job(options: argparse.Namespace, folder: str, pictures: int) -> Task:
    recipe = dataclasses.replace(
        sample.FLOAT, batch_size=options.batch_size, epochs=options.epochs, evaluations=1, dropout=0.0
    )
    files = [f"{folder}/examples/Split-train/*"]
    return Task(recipe, options.resolution, 11, files, pictures, files, f"{folder}/resume", f"{folder}/logs")


def _network(job: Task) -> keras.Model:
    return mobilenet_v1.build(width=0.25, resolution=job.resolution, classes=job.classes, bn_momentum=0.9, dropout=0.0)


def _batches(job: Task) -> tf.data.Dataset:
    image = loop.train_image(job.recipe, job.resolution)
    epochs = [
        input_pipeline.train_dataset(
            job.train_files, train_image=image, batch_size=job.recipe.batch_size, seed=1, epoch=epoch
        )
        for epoch in range(job.recipe.epochs)
    ]
    joined = epochs[0]
    for epoch in epochs[1:]:
        joined = joined.concatenate(epoch)
    return joined


def _ours(job: Task) -> Callable[[], float]:
    run = loop._Run(job, tf.distribute.get_strategy(), _network(job))

    def seconds() -> float:
        begun = time.perf_counter()
        for batch in _batches(job):
            run.train_step(batch)
        float(run.loss.result())
        return time.perf_counter() - begun

    return seconds


def _fit(job: Task) -> Callable[[], float]:
    model = _network(job)
    loss = keras.losses.CategoricalCrossentropy(from_logits=True, label_smoothing=job.recipe.label_smoothing)
    model.compile(optimizer.create(job.recipe, job.steps_per_epoch), loss, metrics=["categorical_accuracy"])
    batches = _batches(job).map(lambda images, labels: (images, tf.one_hot(labels, job.classes)))

    def seconds() -> float:
        begun = time.perf_counter()
        model.fit(batches, verbose=0)
        return time.perf_counter() - begun

    return seconds


if __name__ == "__main__":
    main()
