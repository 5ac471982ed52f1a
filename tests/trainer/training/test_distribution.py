"""Who trains: alone as ever, and a cluster is joined first of all or not at all."""

import json

import pytest
import tensorflow as tf

from trainer.training import distribution, tf_config
from trainer.training.distribution import DistributionError
from trainer.training.tf_config import Cluster


def test_without_a_cluster_one_device_trains_and_is_chief():
    workers = distribution.join(Cluster())
    assert (workers.replicas, workers.chief) == (1, True)
    assert workers.strategy is tf.distribute.get_strategy()


def test_a_process_that_used_tensorflow_before_cannot_join(monkeypatch):
    tf.ones([]).numpy()
    addresses = ["127.0.0.1:1", "127.0.0.1:2"]
    text = json.dumps({"cluster": {"worker": addresses}, "task": {"type": "worker", "index": 1}})
    monkeypatch.setenv(tf_config.VARIABLE, text)
    with pytest.raises(DistributionError, match=r"cannot join the cluster: .* nothing has used TensorFlow before"):
        distribution.join(tf_config.from_environment())


def test_fake_quantizations_ranges_are_told_from_other_variables():
    names = ["conv/output_max", "conv/output_min", "conv/BatchNorm/moving_mean", "conv/max_pool/kernel"]
    variables = [tf.Variable(0.0, name=name) for name in names]
    assert [v.name for v in distribution.moving_ranges(variables)] == ["conv/output_max:0", "conv/output_min:0"]
