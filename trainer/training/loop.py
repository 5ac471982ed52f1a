"""The training loop: step by step what the recipe says, from the last checkpoint if there is one.

A custom loop and not `fit`: it goes on at the very batch where a killed run stopped, which BackupAndRestore does not.
"""

from __future__ import annotations

import functools
import logging
import math
import time
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf

from trainer import input_pipeline, preprocessing, quantizers
from trainer.keras import keras
from trainer.recipe import Recipe
from trainer.training import distribution, interrupts, optimizer
from trainer.training.distribution import Workers
from trainer.training.moving_average import MovingAverages
from trainer.training.reporter import Reporter
from trainer.training.training_task import Task, TrainingError

CHECKPOINT_SECONDS = 2.0  # At least, between two checkpoints…
CHECKPOINT_SHARE = 0.05  # …and at most this share of the time goes into saving them.
REPORT_SECONDS = 1.0  # Between two reports.
EVAL_BATCH = 128

_progress = logging.getLogger("mobilenet.progress")


def train(
    task: Task, build: Callable[[], keras.Model], workers: Workers, *, checkpoint_seconds: float = CHECKPOINT_SECONDS
) -> tuple[keras.Model, int]:
    """Trains what `build` builds and returns (the model, the steps done in all), the same in every worker.

    Where the recipe has an `ema_decay`, the model's weights are their moving averages.
    """
    workers.check(task.recipe)
    task.check_delay()
    if warning := task.lagging:
        _progress.warning("%s", warning, extra={"progress": {"task": "warning", "text": warning}})
    with workers.scope():
        run = _Run(task, workers.strategy, build())
    averages = run.averages.averages
    checkpoint = tf.train.Checkpoint(model=run.model, optimizer=run.optimizer, step=run.step, averages=averages)
    manager = tf.train.CheckpointManager(checkpoint, task.checkpoint_dir, max_to_keep=2)
    if workers.chief and manager.latest_checkpoint:
        checkpoint.restore(manager.latest_checkpoint).assert_existing_objects_matched()
        step = int(run.step.numpy())
        _progress.info(
            "%s: going on from step %d of %d", task.recipe.name, step, task.steps,
            extra={"progress": {"task": "resume", "step": step, "steps": task.steps}},
        )  # fmt: skip
    workers.take_from_chief(_variables(run.model, run.optimizer, run.step, *averages))
    run.go(manager if workers.chief else None, checkpoint_seconds)
    run.averages.hand_over()
    return run.model, int(run.step.numpy())


def top1(predict: Callable[[tf.Tensor], tf.Tensor], batches: tf.data.Dataset) -> float:
    """The share of pictures whose label has the highest of the logits that `predict` gives."""
    count = hits = 0
    for images, labels in batches:
        hits += int(tf.math.count_nonzero(tf.argmax(predict(images), axis=-1) == labels))
        count += len(labels)
    return hits / count


def report_top1(task: Task, predict: Callable[[tf.Tensor], tf.Tensor], *, step: int) -> float:
    """Top-1 on the eval split, which is told too."""
    batches = input_pipeline.eval_dataset(
        task.eval_files,
        resolution=task.resolution,
        central_fraction=task.recipe.central_fraction,
        batch_size=EVAL_BATCH,
    )
    share = top1(predict, batches)
    _progress.info(
        "%s: step %d of %d: eval top-1 %.4f", task.recipe.name, step, task.steps, share,
        extra={"progress": {"task": "evaluate", "step": step, "steps": task.steps, "top1": share}},
    )  # fmt: skip
    return share


def train_image(recipe: Recipe, resolution: int) -> Callable[[tf.Tensor, tf.Tensor], tf.Tensor]:
    """The recipe's augmentation: (JPEG bytes, seed) → picture."""

    def inception(encoded: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return preprocessing.inception_train_image(encoded, seed, resolution=resolution, color=recipe.color)

    def shift(encoded: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        fraction = recipe.central_fraction
        return preprocessing.shifted_train_image(encoded, seed, resolution=resolution, central_fraction=fraction)

    return {"inception": inception, "shift": shift}[recipe.augmentation]


class _Run:
    """One run's state: model, optimizer, step and the two running means."""

    def __init__(self, task: Task, strategy: tf.distribute.Strategy, model: keras.Model) -> None:
        self.task, self.strategy, self.model = task, strategy, model
        self.step = tf.Variable(0, dtype=tf.int64, trainable=False, name="step")
        self.optimizer = optimizer.create(task.recipe, task.steps_per_epoch)
        if keras.mixed_precision.global_policy().name == "mixed_float16":
            self.optimizer = keras.mixed_precision.LossScaleOptimizer(self.optimizer)
        self.optimizer.build(model.trainable_variables)
        self.kernels = optimizer.regularized(model.trainable_variables)
        self.ranges = distribution.moving_ranges(model.non_trainable_variables)
        self.averages = MovingAverages(model.weights, task.recipe.ema_decay)
        self.loss = keras.metrics.Mean(name="loss")
        self.accuracy = keras.metrics.Mean(name="top1")
        # Without AutoGraph, which reads through tfmot's wrappers for 10 s and changes nothing.
        self.train_step = tf.function(self._train_step, autograph=False)
        self.delayed_step = tf.function(self._delayed_step, autograph=False)
        self.predict = tf.function(lambda images: model(images, training=False), autograph=False, reduce_retracing=True)

    def go(self, manager: tf.train.CheckpointManager | None, checkpoint_seconds: float) -> None:
        """Trains to the end. Only who has a checkpoint manager evaluates, reports and writes."""
        task = self.task
        writer = tf.summary.create_file_writer(task.log_dir) if manager else tf.summary.create_noop_writer()
        step = int(self.step.numpy())
        reporter = Reporter(task, started_at=step, seconds=REPORT_SECONDS)
        due = time.monotonic() + checkpoint_seconds
        eval_steps = task.evaluation_steps if manager else set()
        with interrupts.saved(lambda: self._save_last_step(manager)):
            for batch in self._batches():
                (self.delayed_step if step < task.recipe.quant_delay else self.train_step)(batch)
                step = int(self.step.numpy())
                if manager and reporter.due(step):
                    self._report(reporter, step, writer)
                if step in eval_steps:
                    self._evaluate(step, writer)
                    reporter.restart(step)
                if step == task.steps or time.monotonic() >= due:
                    self._finite_loss(step)  # A checkpoint of NaNs would be resumed for ever.
                    due = _save(manager, step, checkpoint_seconds)
        writer.close()

    def _save_last_step(self, manager: tf.train.CheckpointManager | None) -> None:
        if manager and (step := int(self.step.numpy())) and math.isfinite(float(self.loss.result())):
            manager.save(checkpoint_number=step)

    def _batches(self) -> Iterator[tuple[tf.Tensor, tf.Tensor]]:
        """The replicas' batches from this very step on, epoch by epoch."""
        task, per_epoch = self.task, self.task.steps_per_epoch
        while (step := int(self.step.numpy())) < task.steps:
            epoch, done = divmod(step, per_epoch)
            yield from self.strategy.distribute_datasets_from_function(
                functools.partial(self._share, epoch=epoch, done=done)
            )
            if int(self.step.numpy()) == step:
                raise TrainingError(
                    f"epoch {epoch + 1} gave no batch, wanted {per_epoch - done}: the shards hold fewer pictures "
                    f"than the {task.train_pictures} that the ingestion report counts. Ingest again."
                )

    def _share(self, context: tf.distribute.InputContext, *, epoch: int, done: int) -> tf.data.Dataset:
        """This worker's part of what is left of an epoch."""
        task, workers = self.task, context.num_input_pipelines
        replicas = context.num_replicas_in_sync // workers
        batches = input_pipeline.train_dataset(
            task.train_files,
            train_image=train_image(task.recipe, task.resolution),
            batch_size=task.recipe.batch_size,
            seed=task.recipe.seed,
            epoch=epoch,
            skip_batches=done,
            share=input_pipeline.Share(context.input_pipeline_id, workers, replicas),
        )
        return batches.take((task.steps_per_epoch - done) * replicas)

    def _delayed_step(self, batch: tuple[tf.Tensor, tf.Tensor]) -> None:
        with quantizers.delay():
            self._train_step(batch)

    def _train_step(self, batch: tuple[tf.Tensor, tf.Tensor]) -> None:
        sums = self.strategy.run(self._replica_step, args=batch)
        loss, hits = tf.unstack(self.strategy.reduce(tf.distribute.ReduceOp.SUM, sums, axis=None))
        self.loss.update_state(loss / self.task.recipe.batch_size)
        self.accuracy.update_state(hits / self.task.recipe.batch_size)
        self.step.assign_add(1)

    def _replica_step(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """One replica's part of a step → (the sum of its pictures' losses, how many it got right)."""
        recipe = self.task.recipe
        scaled = isinstance(self.optimizer, keras.mixed_precision.LossScaleOptimizer)
        with tf.GradientTape() as tape:
            logits = tf.cast(self.model(images, training=True), tf.float32)
            losses = cross_entropy(logits, labels, recipe.label_smoothing)
            loss = tf.nn.compute_average_loss(losses, global_batch_size=recipe.batch_size)
            loss += tf.nn.scale_regularization_loss(optimizer.l2_loss(self.kernels, recipe.l2))
            target = self.optimizer.get_scaled_loss(loss) if scaled else loss
        variables = self.model.trainable_variables
        gradients = tape.gradient(target, variables)
        gradients = self.optimizer.get_unscaled_gradients(gradients) if scaled else gradients
        self.optimizer.apply_gradients(zip(gradients, variables, strict=True))
        distribution.follow_global_range(self.ranges)
        self.averages.follow(self.step)
        hits = tf.math.count_nonzero(tf.argmax(logits, axis=-1) == labels, dtype=tf.float32)
        return tf.stack([tf.reduce_sum(losses), hits])

    def _report(self, reporter: Reporter, step: int, writer: tf.summary.SummaryWriter) -> None:
        loss, accuracy = self._finite_loss(step), float(self.accuracy.result())
        self.loss.reset_state()
        self.accuracy.reset_state()
        reporter.report(step, loss=loss, top1=accuracy)
        with writer.as_default(step=step):
            tf.summary.scalar("train/loss", loss)
            tf.summary.scalar("train/top1", accuracy)
            tf.summary.scalar("train/learning_rate", self.optimizer.learning_rate)

    def _finite_loss(self, step: int) -> float:
        loss = float(self.loss.result())
        if not math.isfinite(loss):
            raise TrainingError(
                f"{self.task.recipe.name}: the loss is {loss} at step {step}. Lower peak_lr or lengthen the warm-up."
            )
        return loss

    def _evaluate(self, step: int, writer: tf.summary.SummaryWriter) -> None:
        with self.averages.in_place():
            share = report_top1(self.task, self.predict, step=step)
        with writer.as_default(step=step):
            tf.summary.scalar("eval/top1", share)


def cross_entropy(logits: tf.Tensor, labels: tf.Tensor, label_smoothing: float = 0.0) -> tf.Tensor:
    """Per picture: logits [b, C], labels int [b] → float [b]."""
    classes = logits.shape[-1]
    targets = tf.one_hot(labels, classes) * (1.0 - label_smoothing) + label_smoothing / classes
    return tf.nn.softmax_cross_entropy_with_logits(targets, logits)


def _variables(*parts: Any) -> list[tf.Variable]:
    """All that a checkpoint of these holds, in an order that is the same in every worker."""
    nodes = (node for part in parts for node in tf.train.TrackableView(part).descendants())
    return [node for node in nodes if isinstance(node, tf.Variable)]


def _save(manager: tf.train.CheckpointManager | None, step: int, seconds: float) -> float:
    """Saves, where there is a manager, and says when the next one is due."""
    begun = time.monotonic()
    if manager:
        manager.save(checkpoint_number=step)
    done = time.monotonic()
    return done + max(seconds, (done - begun) / CHECKPOINT_SHARE)
