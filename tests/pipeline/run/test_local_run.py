"""What the local run makes of failures: our own sentence, and nothing left of killed nodes."""

import itertools

import pytest

from components.data_error import DataError
from pipeline.run import local_run


def _raised(*links: Exception) -> Exception:
    """The links as one chain of causes, the first outermost."""
    for outer, inner in itertools.pairwise(links):
        outer.__cause__ = inner
    return links[0]


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (_raised(RuntimeError("layers"), DataError("Give --data DIR."), OSError("errno 2")), "Give --data DIR."),
        (_raised(RuntimeError("no picture [while running 'Run[X]']")), "no picture"),
        (_raised(RuntimeError("layers"), KeyError("first")), "'first'"),
        (_raised(RuntimeError("")), "RuntimeError"),
    ],
    ids=["ours between theirs", "beam's words left out", "theirs alone", "no words"],
)
def test_a_failed_node_says_our_sentence_or_what_went_wrong_first(error, said):
    assert str(local_run.NodeFailed("DataGate", error)) == f"DataGate failed: {said}"


def test_what_killed_nodes_had_half_written_is_swept_and_finished_artifacts_stay(tmp_path):
    kept = tmp_path / "FloatTrainer-w025-r32" / "model" / "3" / "Format-Serving"
    half = [
        tmp_path / "ImageNetExampleGen" / "examples" / "1" / ".ingesting-abc",
        tmp_path / "FloatTrainer-w025-r32" / "model" / "2" / "Format-Serving.writing",
    ]
    for folder in (kept, *half):
        folder.mkdir(parents=True)
        (folder / "file").touch()
    local_run._sweep(tmp_path)
    assert (kept / "file").exists()
    assert not any(folder.exists() for folder in half)
