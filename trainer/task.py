"""`run_fn`: what TFX's Trainer calls. FnArgs → recipe → loop → export. The only file here that knows TFX."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from trainer import export, recipe, sizing, whole
from trainer.digest import sha256_file
from trainer.imagenet import LABELS_FILE, REPORT_FILE, REPORT_FORMAT, TRAIN
from trainer.network.variant import Variant
from trainer.pictures import record
from trainer.pictures.record import Preprocessing
from trainer.training import distribution, initial_model, loop, process_state, resume_folder, tf_config, trained_model
from trainer.training.training_task import Task

if TYPE_CHECKING:
    from tfx.components.trainer.fn_args_utils import FnArgs


def run_fn(fn_args: FnArgs) -> None:
    """Trains the variant and recipe in `custom_config` and writes the model artifact.

    Where TF_CONFIG names several workers, each of them calls this with the same arguments; the chief writes.
    """
    members = tf_config.from_environment()
    with members.together():
        _run(fn_args, distribution.join(members))


def _run(fn_args: FnArgs, workers: distribution.Workers) -> None:
    config, base_model = fn_args.custom_config, fn_args.base_model
    variant = Variant.parse(config["variant"])
    examples = Path(fn_args.train_files[0]).parents[1]
    labels = (examples / LABELS_FILE).read_text(encoding="utf-8").splitlines()
    report = REPORT_FORMAT.read(examples / REPORT_FILE)
    pictures = report["splits"][TRAIN]["pictures"]
    chosen = sizing.fit(recipe.from_dict(config["recipe"]), pictures=pictures, classes=len(labels) - 1)
    weights = Path(base_model) / export.KERAS / export.WEIGHTS_FILE if base_model else None
    digests = {
        "data": report["digest"], "code": config["code"], "recipe": chosen.digest,
        "base_model": sha256_file(weights) if weights else None,
    }  # fmt: skip
    process_state.prepare(chosen)
    key = {**digests, "variant": variant.name}
    checkpoints = resume_folder.find(fn_args.model_run_dir, key, under=config.get("resume"))
    task = Task(
        recipe=chosen, resolution=variant.resolution, classes=len(labels),
        train_files=fn_args.train_files, train_pictures=pictures,
        eval_files=fn_args.eval_files, checkpoint_dir=os.fspath(checkpoints), log_dir=fn_args.model_run_dir,
    )  # fmt: skip
    model, steps = loop.train(task, lambda: initial_model.build(task, variant, base_model), workers)
    description = export.Description(
        width=variant.width, resolution=variant.resolution, classes=task.classes,
        central_fraction=chosen.central_fraction, quantized=chosen.quantized, steps=steps,
        recipe=chosen.as_dict(), digests=digests,
        preprocessing=Preprocessing(**{
            **record.fields(report.get("preprocessing", {}), examples / REPORT_FILE),
            "central_fraction": chosen.central_fraction,
        }),
    )  # fmt: skip
    if workers.chief:
        final_model = trained_model.finish(model, task, variant, workers)
        export.export(fn_args.serving_model_dir, final_model, description, labels)
    workers.meet()
    if workers.chief:
        resume_folder.delete(checkpoints)
    else:  # TFX looks for the model in every worker.
        whole.wait_until_visible(Path(fn_args.serving_model_dir))
