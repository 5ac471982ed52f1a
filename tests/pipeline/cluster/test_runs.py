"""Following a run: every change once, with patience, and left alone when asked to."""

import pytest

from pipeline.cluster import runs
from pipeline.cluster.runs import ClusterError, Gone, Look, Run, Unreachable


def look(state, error="", **tasks):
    return Look(Run("run-1", "mobilenet-1", state, None, None, "https://page"), tasks, error)


def followed(looks):
    """What was reported, how long was waited, and how it ended."""
    said, waits, answers = [], [], iter(looks)

    def answer():
        seen = next(answers)
        if isinstance(seen, BaseException):
            raise seen
        return seen

    try:
        end = runs.follow(answer, said.append, sleep=waits.append).state
    except (ClusterError, KeyboardInterrupt) as error:
        end = error
    return said, waits, end


def test_every_change_of_a_task_is_reported_once():
    said, _, end = followed(
        [
            look("pending"),
            look("running", DataGate="running"),
            look("running", DataGate="running"),
            look("running", DataGate="succeeded", FloatTrainer="running"),
            look("failed", "a task failed", DataGate="succeeded", FloatTrainer="failed. no memory"),
        ]
    )
    assert said == [
        "mobilenet-1: pending",
        "DataGate: running",
        "mobilenet-1: running",
        "DataGate: succeeded",
        "FloatTrainer: running",
        "FloatTrainer: failed. no memory",
        "mobilenet-1: failed. a task failed",
    ]
    assert end == "failed"


def test_the_looks_grow_rare_while_nothing_happens_and_frequent_when_something_does():
    quiet = [look("running", DataGate="running")] * 9
    _, waits, _ = followed([*quiet, look("running", DataGate="succeeded"), look("succeeded")])
    assert waits[:3] == [5.0, 7.5, 11.25]
    assert waits[7:] == [60.0, 60.0, 5.0]


def test_a_network_that_comes_back_does_not_end_it():
    away = [Unreachable("host does not answer.")] * runs.PATIENCE
    said, _, end = followed([look("running"), *away, look("running"), *away, look("succeeded")])
    assert end == "succeeded"
    assert said.count("host does not answer. Asking again.") == 2 * runs.PATIENCE


@pytest.mark.parametrize("before", [[], [look("running"), *[Unreachable("away.")] * runs.PATIENCE]])
def test_a_network_that_was_never_there_or_stays_away_does(before):
    _, _, end = followed([*before, Unreachable("away.")])
    assert isinstance(end, Unreachable) and str(end) == "away."


@pytest.mark.parametrize(
    "reason", [KeyboardInterrupt(), ClusterError("the token has expired.")], ids=["Ctrl-C", "token"]
)
def test_who_stops_following_leaves_the_run_alone_and_says_so(reason):
    said, _, end = followed([look("running"), reason])
    assert said == ["mobilenet-1: running", "No longer following run-1, which goes on: https://page"]
    assert end is reason


def test_a_run_that_was_deleted_is_not_said_to_go_on():
    said, _, end = followed([look("running"), Gone("no such run.")])
    assert said == ["mobilenet-1: running", "No longer following run-1, which was deleted"]
    assert isinstance(end, ClusterError)
