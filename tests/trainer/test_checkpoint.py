"""TF-Slim checkpoints are read whole or refused with the names of what does not fit."""

import pytest

from trainer.checkpoint import CheckpointError, import_tf1


def test_a_checkpoint_of_another_width_is_refused_with_both_shapes(oracle_checkpoint):
    with pytest.raises(CheckpointError, match=r"Conv2d_0/weights: has \(3, 3, 3, 8\), wanted \(3, 3, 3, 16\)"):
        import_tf1(oracle_checkpoint, width=0.5, resolution=128, classes=1001)


def test_a_checkpoint_of_another_class_count_is_refused(oracle_checkpoint):
    with pytest.raises(CheckpointError, match=r"2 of 137 variables, .*1001\), wanted .*11\)"):
        import_tf1(oracle_checkpoint, width=0.25, resolution=128, classes=11)


def test_what_is_no_checkpoint_is_refused(tmp_path):
    (tmp_path / "text.ckpt.index").write_text("not a table")
    with pytest.raises(CheckpointError, match="not a readable TF1 checkpoint"):
        import_tf1(tmp_path / "text.ckpt", width=0.25, resolution=128, classes=11)
