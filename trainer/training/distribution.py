"""What trains: one device, the GPUs of one machine, or the workers of a cluster, all on the same global batches.

The workers hold the same variables to the bit, so only the chief evaluates, reports and writes, whenever it likes: the
others wait for it where they next exchange anything.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import tensorflow as tf

from trainer.recipe import Recipe
from trainer.training.tf_config import Cluster

# The longest that the others wait for the chief to evaluate or to export. One that is gone is noticed much sooner.
EXCHANGE_SECONDS = 1800.0


class DistributionError(RuntimeError):
    """A recipe that these replicas cannot train, or a process that cannot join."""


@dataclass(frozen=True)
class Workers:
    """This process and those it trains with."""

    strategy: tf.distribute.Strategy
    cluster: Cluster = field(default_factory=Cluster)

    @property
    def chief(self) -> bool:
        return self.cluster.chief

    @property
    def replicas(self) -> int:
        """Over all workers."""
        return self.strategy.num_replicas_in_sync

    @contextlib.contextmanager
    def scope(self) -> Iterator[None]:
        """Where model and optimizer are made. Reading a variable needs no other worker, so the chief saves alone."""
        with self.strategy.scope():
            if self.replicas == 1:
                yield
            else:
                with tf.variable_creator_scope(_held_by_every_replica):
                    yield

    def check(self, recipe: Recipe) -> None:
        """What several replicas cannot do is refused before anything is trained."""
        if recipe.batch_size % self.replicas:
            raise DistributionError(
                f"recipe {recipe.name!r} has batch_size {recipe.batch_size}, which is no multiple of the "
                f"{self.replicas} replicas that share each batch: take another batch_size or number of workers."
            )
        if self.replicas > 1 and recipe.quantized and not recipe.freeze_bn:
            raise DistributionError(
                f"recipe {recipe.name!r} trains fake quantization and batch norm together, which only one replica can, "
                f"and there are {self.replicas}: use one, or fine-tune a float model with freeze_bn."
            )

    def take_from_chief(self, variables: Sequence[tf.Variable]) -> None:
        """Every worker's variables become the chief's: first weights, ranges and what was restored, to the bit."""
        if not self.cluster.several:
            return

        for dtype in sorted({variable.dtype for variable in variables}, key=lambda dtype: dtype.name):
            same = [variable for variable in variables if variable.dtype == dtype]
            values = self._of_chief(tf.concat([tf.reshape(variable, [-1]) for variable in same], axis=0))
            parts = tf.split(values, [variable.shape.num_elements() for variable in same])
            for variable, part in zip(same, parts, strict=True):
                variable.assign(tf.reshape(part, variable.shape))

    def _of_chief(self, mine: tf.Tensor) -> tf.Tensor:
        def sent() -> tf.Tensor:
            first = tf.equal(_replica().replica_id_in_sync_group, 0)
            return _replica().all_reduce(tf.distribute.ReduceOp.SUM, tf.where(first, mine, tf.zeros_like(mine)))

        results = self.strategy.run(tf.function(sent, autograph=False))
        return self.strategy.experimental_local_results(results)[0]

    def meet(self) -> None:
        """Returns when every worker has come here."""
        if self.cluster.several:
            one = tf.function(lambda: _replica().all_reduce(tf.distribute.ReduceOp.SUM, tf.ones([])), autograph=False)
            self.strategy.experimental_local_results(self.strategy.run(one))[0].numpy()  # Waits for it.


def join(cluster: Cluster) -> Workers:
    """The workers of the cluster; alone, the machine's GPUs, or whatever single device TensorFlow sees.

    Call it before anything else of TensorFlow where the cluster has several tasks. Returns when all have joined.
    """
    if cluster.several:
        return Workers(_multi_worker(), cluster)
    several_gpus = len(tf.config.list_logical_devices("GPU")) > 1
    return Workers(tf.distribute.MirroredStrategy() if several_gpus else tf.distribute.get_strategy(), cluster)


def moving_ranges(variables: Sequence[tf.Variable]) -> list[tf.Variable]:
    """Fake quantization's, of all a model's variables that are not trained."""
    return [variable for variable in variables if variable.name.partition(":")[0].endswith(("_min", "_max"))]


def follow_global_range(variables: Sequence[tf.Variable]) -> None:
    """In a replica's step: its ranges, each from its own pictures, become those over the pictures of all replicas.

    Args:
      variables: moving averages of a batch's lowest or highest value, their names ending in `_min` or `_max`. All
        replicas start a step with the same, so the widest of them is the moving average over the global batch.
    """
    replica = _replica()
    if replica.num_replicas_in_sync == 1 or not variables:
        return
    signs = tf.constant([-1.0 if "_min" in variable.name else 1.0 for variable in variables])
    mine = tf.stack([tf.convert_to_tensor(variable) for variable in variables]) * signs
    widest = tf.reduce_max(replica.all_gather(mine[tf.newaxis], axis=0), axis=0) * signs
    for variable, value in zip(variables, tf.unstack(widest), strict=True):
        variable.assign(value)


def _multi_worker() -> tf.distribute.Strategy:
    options = tf.distribute.experimental.CommunicationOptions(timeout_seconds=EXCHANGE_SECONDS)
    try:
        return tf.distribute.MultiWorkerMirroredStrategy(communication_options=options)
    except RuntimeError as error:
        raise DistributionError(
            f"this process cannot join the cluster: {error} Workers train in a process of their own, in which nothing "
            "has used TensorFlow before."
        ) from error


def _replica() -> tf.distribute.ReplicaContext:
    replica = tf.distribute.get_replica_context()
    if replica is None:
        raise DistributionError("called outside a replica's step: wanted inside strategy.run.")
    return replica


def _held_by_every_replica(create: Callable[..., tf.Variable], **arguments: object) -> tf.Variable:
    """No variable is put together from its replicas when it is read: in a cluster, that would wait for the others.

    Batch norm's statistics are equal on all replicas (`SyncBatchNormalization`, or frozen), fake quantization's ranges
    after every step (`follow_global_range`).
    """
    if arguments.get("synchronization") == tf.VariableSynchronization.ON_READ:
        arguments |= {
            "synchronization": tf.VariableSynchronization.ON_WRITE,
            "aggregation": tf.VariableAggregation.NONE,
        }
    return create(**arguments)
