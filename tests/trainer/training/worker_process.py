"""One worker of test_several_workers.py: calls `run_fn` as TFX does and records what it trained on.

Its argument is a JSON file: `fn_args`, the path of the `record` and, to be killed, after how many steps (`dies_after`).
A process of its own, because a worker joins its cluster before anything else of TensorFlow.
"""

import functools
import hashlib
import json
import math
import os
import signal
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import tensorflow as tf

from trainer import task
from trainer.training import loop, tf_config


def main(arguments: str) -> int:
    job = json.loads(Path(arguments).read_text(encoding="utf-8"))
    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(2)
    loop.REPORT_SECONDS = math.inf
    loop.CHECKPOINT_SHARE = math.inf  # One after every step.
    loop.train = functools.partial(loop.train, checkpoint_seconds=0)
    loop._Run = functools.partial(_recorded, loop._Run, Path(job["record"]), job.get("dies_after"))
    try:
        task.run_fn(cast(Any, SimpleNamespace(**job["fn_args"])))
    except tf_config.WorkerLostError as error:
        print(error, file=sys.stderr)
        return 7
    return 0


def _recorded(run_class, record: Path, dies_after: int | None, *arguments) -> loop._Run:
    """A run that writes one line a step: its number, the mean loss of its global batch, its pictures here."""
    run = run_class(*arguments)
    trained, losses = run.train_step, []

    def train_step(batch):
        trained(batch)
        losses.append(float(run.loss.total.numpy()))
        step = int(run.step.numpy())
        loss = losses[-1] - sum(losses[-2:-1])
        images, labels = map(run.strategy.experimental_local_results, batch)
        pictures = [hashlib.sha256(image.numpy().tobytes()).hexdigest() for image in tf.concat(images, axis=0)]
        labels = tf.concat(labels, axis=0).numpy().tolist()
        with record.open("a", encoding="utf-8") as lines:
            lines.write(json.dumps({"step": step, "loss": loss, "pictures": pictures, "labels": labels}) + "\n")
        if step == dies_after:
            os.kill(os.getpid(), signal.SIGKILL)

    run.train_step = train_step
    return run


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
