"""`run_fn`: what TFX's Trainer calls. FnArgs → recipe → loop → export. The only file here that knows TFX."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import tensorflow as tf

from trainer import export, input_pipeline, quantization, recipe
from trainer.digest import sha256_file
from trainer.imagenet import LABELS_FILE, REPORT_FILE, TRAIN
from trainer.keras import keras
from trainer.network import mobilenet_v1
from trainer.network.layer_names import HEAD
from trainer.slim.imported_model import read_ranges
from trainer.training import distribution, loop, tf_config

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs

VISIBLE_SECONDS = 60.0


def run_fn(fn_args: FnArgs) -> None:
    """Trains the variant and recipe in `custom_config` and writes the model artifact.

    Where TF_CONFIG names several workers, each of them calls this with the same arguments; the chief writes.
    """
    members = tf_config.from_environment()
    with members.together():
        _run(fn_args, distribution.join(members))


def _run(fn_args: FnArgs, workers: distribution.Workers) -> None:
    config = fn_args.custom_config
    chosen = recipe.from_dict(config["recipe"])
    variant = mobilenet_v1.Variant.parse(config["variant"])
    examples = Path(fn_args.train_files[0]).parents[1]
    labels = (examples / LABELS_FILE).read_text(encoding="utf-8").splitlines()
    report = json.loads((examples / REPORT_FILE).read_text(encoding="utf-8"))
    digests = {
        "data": report["digest"], "code": config["code"], "recipe": chosen.digest,
        "base_model": _weights_digest(fn_args.base_model),
    }  # fmt: skip
    _seed(chosen)
    checkpoint_dir = _checkpoint_dir(fn_args, {**digests, "variant": variant.name})
    task = loop.Task(
        recipe=chosen, resolution=variant.resolution, classes=len(labels),
        train_files=fn_args.train_files, train_pictures=report["splits"][TRAIN]["pictures"],
        eval_files=fn_args.eval_files, checkpoint_dir=os.fspath(checkpoint_dir), log_dir=fn_args.model_run_dir,
    )  # fmt: skip
    model, steps = loop.train(task, lambda: _build(task, variant, fn_args.base_model), workers)
    description = export.Description(
        width=variant.width, resolution=variant.resolution, classes=task.classes,
        central_fraction=chosen.central_fraction, quantized=chosen.quantized, steps=steps,
        recipe=chosen.as_dict(), digests=digests,
    )  # fmt: skip
    if workers.chief:
        export.export(fn_args.serving_model_dir, _in_float32(model, task, variant), description, labels)
    workers.meet()
    if workers.chief:
        _forget(checkpoint_dir)
    else:
        _see(Path(fn_args.serving_model_dir))


def _see(serving_model_dir: Path) -> None:
    """TFX looks for the model in every worker. A mounted bucket may show late what another machine wrote."""
    until = time.monotonic() + VISIBLE_SECONDS
    while not serving_model_dir.exists():
        if time.monotonic() >= until:
            raise FileNotFoundError(
                f"the chief wrote its model to {serving_model_dir}, where this worker sees nothing after "
                f"{VISIBLE_SECONDS:.0f} s: the pipeline's root must be storage that all workers share."
            )
        time.sleep(0.5)


def _forget(checkpoint_dir: Path) -> None:
    """Or the next run of the same recipe would find nothing left to do. What names the checkpoints goes first: a kill
    leaves no half of one to be found, and no folder has to be renamed, which buckets do not do."""
    (checkpoint_dir / "checkpoint").unlink(missing_ok=True)
    shutil.rmtree(checkpoint_dir)


def _build(task: loop.Task, variant: mobilenet_v1.Variant, base_model: str | None) -> keras.Model:
    """A new network, or the base model's weights; fake-quantized where the recipe says so, with the ranges that came
    with an imported base model, or calibrated ones."""
    chosen = task.recipe
    model = _network(task, variant)
    if base_model:
        _take_weights(model, base_model, variant, task)
    if not chosen.quantized:
        return model
    ranges = read_ranges(base_model) if base_model else {}
    calibration = None if ranges else _calibration(task)
    quantized = quantization.quantize(model, calibration=calibration, freeze_bn=chosen.freeze_bn)
    if ranges:
        quantization.take_ranges(quantized, ranges)
    return quantized


def _network(task: loop.Task, variant: mobilenet_v1.Variant) -> keras.Model:
    return mobilenet_v1.build(
        width=variant.width, resolution=variant.resolution, classes=task.classes,
        dropout=task.recipe.dropout, bn_momentum=task.recipe.bn_momentum,
        # Several replicas quantize with a frozen batch norm only, which has nothing to synchronize.
        synchronized=tf.distribute.get_strategy().num_replicas_in_sync > 1 and not task.recipe.quantized,
    )  # fmt: skip


def _in_float32(model: keras.Model, task: loop.Task, variant: mobilenet_v1.Variant) -> keras.Model:
    """What is handed on computes in float32, whatever it was trained in."""
    if keras.mixed_precision.global_policy().name == "float32":
        return model
    keras.mixed_precision.set_global_policy("float32")
    exported = _network(task, variant)
    exported.set_weights(model.get_weights())
    return exported


def _take_weights(model: keras.Model, base_model: str, variant: mobilenet_v1.Variant, task: loop.Task) -> None:
    """All of the base model's weights; where a float model has other classes than it, all but the head's."""
    base, description = export.load_keras(base_model)
    new_head = description.classes != task.classes and not task.recipe.quantized
    wanted = (variant, description.classes if new_head else task.classes, False)
    if (description.variant, description.classes, description.quantized) != wanted:
        raise ValueError(
            f"the base model is {description.variant.name} with {description.classes} classes"
            f"{', fake-quantized' if description.quantized else ''}; "
            f"wanted float, {variant.name}, {task.classes} classes."
        )
    for layer, base_layer in zip(model.layers, base.layers, strict=True):
        if not (new_head and layer.name == HEAD):
            layer.set_weights(base_layer.get_weights())


def _calibration(task: loop.Task) -> list | None:
    """Training pictures as evaluation sees them: [n, R, R, 3] in all."""
    pictures = min(task.recipe.calibration_pictures, task.train_pictures)
    if not pictures:
        return None
    batches = input_pipeline.eval_dataset(
        task.train_files, resolution=task.resolution, central_fraction=task.recipe.central_fraction,
        batch_size=min(loop.EVAL_BATCH, pictures),
    )  # fmt: skip
    return [images.numpy() for images, _ in batches.take(max(pictures // loop.EVAL_BATCH, 1))]


def _seed(chosen: recipe.Recipe) -> None:
    keras.backend.clear_session()  # Layer names and seeds as in a fresh process, whichever runner calls.
    keras.utils.set_random_seed(chosen.seed)
    gpu = bool(tf.config.list_physical_devices("GPU"))
    # Not on a GPU, where a frozen batch norm has no deterministic gradient; nor for the float model alone, since it
    # cannot be switched off again and the local runners train both in one process.
    if not gpu:
        tf.config.experimental.enable_op_determinism()
    mixed = chosen.mixed_precision and gpu
    if chosen.mixed_precision and not mixed:
        logging.info("%s: mixed precision needs a GPU; training in float32.", chosen.name)
    keras.mixed_precision.set_global_policy("mixed_float16" if mixed else "float32")


def _weights_digest(base_model: str | None) -> str | None:
    return sha256_file(Path(base_model) / export.KERAS / export.WEIGHTS_FILE) if base_model else None


def _checkpoint_dir(fn_args: FnArgs, key: dict) -> Path:
    """Keyed by what is trained, under `resume`: custom_config's, or beside the node's `model_run/<execution>`, which
    changes with every execution."""
    name = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    return Path(fn_args.custom_config.get("resume") or Path(fn_args.model_run_dir).parents[1] / "resume") / name
