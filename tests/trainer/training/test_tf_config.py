"""TF_CONFIG as clusters write it: who is chief, who trains alone, and what is refused."""

import json
import socket

import pytest
import tensorflow as tf

from trainer.training import tf_config
from trainer.training.tf_config import Cluster, ClusterError, WorkerLostError

CHIEF, FIRST, SECOND = "10.0.0.1:2222", "10.0.0.2:2222", "10.0.0.3:2222"


def _config(jobs: dict, kind: str = "worker", index: int | str = 0, **more) -> str:
    return json.dumps({"cluster": jobs, "task": {"type": kind, "index": index}, **more})


def test_vertex_names_a_chief_and_workers_who_come_behind_it():
    jobs = {"worker": [FIRST, SECOND], "chief": [CHIEF]}
    third = tf_config.parse(_config(jobs, index=1, environment="cloud", job="{}"))
    assert third.tasks == (("chief", CHIEF), ("worker 0", FIRST), ("worker 1", SECOND))
    assert (third.index, third.chief, third.several) == (2, False, True)
    assert tf_config.parse(_config(jobs, "chief")).chief


def test_without_a_chief_worker_0_is():
    jobs = {"worker": [FIRST, SECOND], "ps": []}
    assert [tf_config.parse(_config(jobs, index=index)).chief for index in ("0", "1")] == [True, False]


@pytest.mark.parametrize("text", ["", "  ", "{}", '{"cluster": {}}', _config({"chief": [CHIEF]}, "chief")])
def test_no_cluster_or_one_of_a_single_task_trains_alone(text):
    alone = tf_config.parse(text)
    assert (alone.chief, alone.several) == (True, False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"TF_CONFIG: no JSON \(.*Got '\{'; wanted such as"),
        ("[]", "not an object with a cluster"),
        (_config({"worker": FIRST}), r"worker is no list of host:port\. Got '10\.0\.0\.2:2222'"),
        (_config({"worker": ["10.0.0.2"]}), "worker is no list of host:port"),
        (_config({"worker": [FIRST, FIRST]}), "one address twice"),
        (_config({"chief": [CHIEF, FIRST]}, "chief"), "more than one chief"),
        (json.dumps({"cluster": {"worker": [FIRST, SECOND]}}), "task has no type and index. Got 'None'"),
        (_config({"worker": [FIRST, SECOND]}, index=2), "task worker 2 is none of the cluster's"),
        (_config({"worker": [FIRST], "ps": [SECOND]}), "parameter servers.*leave the third worker pool out"),
        (_config({"worker": [FIRST], "evaluator": [SECOND]}), "an evaluator.*leave the fourth worker pool out"),
        (_config({"worker": [FIRST], "tpu": [SECOND]}), "tasks 'tpu', which are unknown here"),
    ],
)
def test_a_tf_config_that_cannot_be_served_is_one_clear_error(text, message):
    with pytest.raises(ClusterError, match=message):
        tf_config.parse(text)


def test_who_is_left_names_the_worker_that_no_longer_answers():
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.create_server(("127.0.0.1", 0)) as closing:
        there, gone = (f"127.0.0.1:{server.getsockname()[1]}" for server in (listening, closing))
        closing.close()
        left = Cluster((("chief", there), ("worker 0", gone), ("worker 1", "127.0.0.1:1")), index=2)
        wanted = f"worker 1 cannot go on alone: no answer from worker 0 at {gone}. .* from the last checkpoint"
        with pytest.raises(WorkerLostError, match=wanted), left.together():
            raise tf.errors.InternalError(None, None, "Connection reset by peer")


def test_errors_that_no_other_worker_caused_stay_as_they_are():
    with socket.create_server(("127.0.0.1", 0)) as listening:
        there = f"127.0.0.1:{listening.getsockname()[1]}"
        both = Cluster((("chief", there), ("worker 0", "127.0.0.1:1")), index=1)
        with pytest.raises(tf.errors.InternalError, match="out of luck"), both.together():
            raise tf.errors.InternalError(None, None, "out of luck")
    with pytest.raises(tf.errors.UnavailableError), Cluster().together():
        raise tf.errors.UnavailableError(None, None, "a file system")
