"""The model as it is handed on, made from the model that was trained."""

from __future__ import annotations

import tensorflow as tf

from trainer.keras import keras
from trainer.network import batch_norm
from trainer.network.variant import Variant
from trainer.training import loop
from trainer.training.distribution import Workers
from trainer.training.initial_model import network, training_pictures
from trainer.training.training_task import Task


def finish(model: keras.Model, task: Task, variant: Variant, workers: Workers) -> keras.Model:
    """The model in float32 on one device; batch norm's averages estimated anew where the recipe says so."""
    final_model = _in_float32(model, task, variant, workers)
    _estimate_batch_norm(final_model, task)
    return final_model


def _in_float32(model: keras.Model, task: Task, variant: Variant, workers: Workers) -> keras.Model:
    """The same weights, computing in float32 and on one device, whatever they were trained in and on."""
    alone = workers.strategy.num_replicas_in_sync == 1 or task.recipe.quantized
    if alone and keras.mixed_precision.global_policy().name == "float32":
        return model
    keras.mixed_precision.set_global_policy("float32")
    exported = network(task, variant)
    exported.set_weights(model.get_weights())
    return exported


def _estimate_batch_norm(model: keras.Model, task: Task) -> None:
    """Estimates the averages on training pictures and reports the top-1 that the model has with them."""
    if not task.recipe.bn_pictures:
        return
    batch_norm.estimate(model, training_pictures(task, task.recipe.bn_pictures))
    predict = tf.function(lambda images: model(images, training=False), autograph=False, reduce_retracing=True)
    loop.report_top1(task, predict, step=task.steps)
