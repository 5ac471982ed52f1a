"""A float model as the TF1 checkpoint that the reference's tar files held."""

import numpy as np
import tensorflow as tf

from tests.trainer.slim import altered_checkpoint as altered
from trainer.slim import checkpoint


def test_export_gives_back_every_byte_of_an_imported_checkpoint(oracle_checkpoint, tmp_path):
    model = checkpoint.import_tf1(oracle_checkpoint, width=0.25, resolution=128, classes=1001)
    checkpoint.export_tf1(model, tmp_path / "again.ckpt", steps=7)
    ours, reference = (tf.train.load_checkpoint(str(path)) for path in (tmp_path / "again.ckpt", oracle_checkpoint))
    names = reference.get_variable_to_shape_map().keys() - {"global_step"}
    assert len(names) == 137
    assert ours.get_variable_to_shape_map().keys() == names | {"global_step"}
    assert [name for name in names if ours.get_tensor(name).tobytes() != reference.get_tensor(name).tobytes()] == []
    assert ours.get_tensor("global_step") == 7
    assert ours.get_variable_to_dtype_map()["global_step"] == tf.int64


def test_the_export_imports_again_to_the_same_logits(oracle_checkpoint, tmp_path):
    model = checkpoint.import_tf1(oracle_checkpoint, width=0.25, resolution=128, classes=1001)
    checkpoint.export_tf1(model, tmp_path / "again.ckpt")
    again = checkpoint.import_tf1(tmp_path / "again.ckpt", width=0.25, resolution=128, classes=1001)
    images = np.random.default_rng(1).uniform(-1, 1, (2, 128, 128, 3)).astype(np.float32)
    np.testing.assert_array_equal(again(images, training=False), model(images, training=False))


def test_an_import_of_moving_averages_exports_them_as_the_weights_bit_for_bit(oracle_checkpoint, tmp_path):
    reference = altered.read(oracle_checkpoint)
    altered.write(tmp_path / "averaged.ckpt", altered.trained_with_averages(reference))
    model = checkpoint.import_tf1(tmp_path / "averaged.ckpt", resolution=128)
    checkpoint.export_tf1(model, tmp_path / "again.ckpt", steps=checkpoint.read_steps(tmp_path / "averaged.ckpt"))
    again = altered.read(tmp_path / "again.ckpt")
    assert [name for name in reference if again[name].tobytes() != reference[name].tobytes()] == []
    assert again.keys() - reference.keys() == {"global_step"}
    assert again["global_step"] == 7_654_321


def test_the_export_is_two_files_as_a_tf1_saver_writes_them(oracle_checkpoint, tmp_path):
    model = checkpoint.import_tf1(oracle_checkpoint, width=0.25, resolution=128, classes=1001)
    checkpoint.export_tf1(model, tmp_path / "again.ckpt")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["again.ckpt.data-00000-of-00001", "again.ckpt.index"]
