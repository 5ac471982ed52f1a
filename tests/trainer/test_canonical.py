"""A SavedModel's bytes do not tell what its process did before."""

import tensorflow as tf

from trainer import canonical


def save(folder, value: float):
    module = tf.Module()
    module.weight = tf.Variable(value)
    inner = tf.function(lambda x: x * module.weight, autograph=False)
    module.serve = tf.function(
        lambda x: {"y": inner(x) + inner(x + 1)}, autograph=False, input_signature=[tf.TensorSpec([None], name="x")]
    )
    tf.saved_model.save(module, str(folder), {"serving_default": module.serve})
    written = (folder / "saved_model.pb").read_bytes()
    canonical.rewrite(folder)
    return written


def test_the_same_model_saved_later_in_a_process_is_the_same_bytes(tmp_path):
    first = save(tmp_path / "first", 2.0)
    for _ in range(200):
        tf.function(lambda x: x + 1).get_concrete_function(tf.TensorSpec([]))
    later = save(tmp_path / "later", 2.0)
    assert first != later
    files = sorted(path.relative_to(tmp_path / "first") for path in (tmp_path / "first").rglob("*") if path.is_file())
    assert [str(path) for path in files] == [
        "saved_model.pb", "variables/variables.data-00000-of-00001", "variables/variables.index",
    ]  # fmt: skip
    for path in files:
        assert (tmp_path / "first" / path).read_bytes() == (tmp_path / "later" / path).read_bytes(), path


def test_a_model_that_was_rewritten_is_loaded_and_gives_its_answers(tmp_path):
    save(tmp_path, 3.0)
    loaded = tf.saved_model.load(str(tmp_path))
    assert loaded.signatures["serving_default"](x=tf.constant([1.0]))["y"].numpy().tolist() == [9.0]
    assert loaded.serve(tf.constant([2.0]))["y"].numpy().tolist() == [15.0]
