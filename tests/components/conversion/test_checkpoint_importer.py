"""CheckpointImporter stands where FloatTrainer stood: the data's labels, and only the file that the pipeline names."""

from pathlib import Path

import pytest
from tfx.types import channel_utils
from tfx.types.standard_artifacts import Examples, Model

from components.conversion.checkpoint_importer import CheckpointImporter, import_into
from tests.trainer.slim import altered_checkpoint as altered
from trainer import export
from trainer.network.variant import Variant
from trainer.slim.imported_model import Source, source_digest

pytestmark = pytest.mark.slow

ORACLE = Path(__file__).parents[2] / "data" / "oracle" / "mobilenet_v1_0.25_128.ckpt"
LABELS = ["background", "ant", "bee", "cow"]


@pytest.fixture(scope="module")
def source(tmp_path_factory) -> Source:
    """Four classes of the oracle's."""
    tensors = altered.read(ORACLE)
    for name in ("weights", "biases"):
        key = f"MobilenetV1/Logits/Conv2d_1c_1x1/{name}"
        tensors[key] = tensors[key][..., :4]
    path = altered.write(tmp_path_factory.mktemp("checkpoint") / "model.ckpt", tensors)
    return Source(path, Variant(0.25, 64), central_fraction=1.0, code="c0de")


@pytest.fixture
def labels_file(tmp_path) -> Path:
    path = tmp_path / "labels.txt"
    path.write_text("".join(f"{label}\n" for label in LABELS))
    return path


def test_the_model_has_the_datas_labels_and_the_pipelines_variant(source, labels_file, tmp_path):
    serving = tmp_path / "artifact" / "Format-Serving"
    import_into(serving, source, digest=source_digest(source.path), labels_file=labels_file)
    model, description = export.load_keras(str(serving))
    assert export.labels(str(serving)) == LABELS
    assert (description.variant, description.classes, description.central_fraction) == (Variant(0.25, 64), 4, 1.0)
    assert description.digests["base_model"] == source_digest(source.path)
    assert model.output_shape == (None, 4)


def test_data_of_other_classes_is_an_error_that_names_both_and_nothing_is_written(source, labels_file, tmp_path):
    labels_file.write_text("background\nant\nbee\n")
    with pytest.raises(ValueError, match=r"the checkpoint has 4 classes, .*; the labels are 3 and start with"):
        import_into(tmp_path / "model", source, digest=source_digest(source.path), labels_file=labels_file)
    assert list(tmp_path.iterdir()) == [labels_file]


def test_where_training_goes_on_from_it_other_classes_are_fine(source, labels_file, tmp_path):
    labels_file.write_text("background\nant\nbee\n")
    digest = source_digest(source.path)
    import_into(tmp_path / "model", source, digest=digest, labels_file=labels_file, any_classes=True)
    assert export.read_description(str(tmp_path / "model")).classes == 4


def test_a_file_that_changed_since_the_pipeline_was_made_is_an_error(source, labels_file, tmp_path):
    with pytest.raises(
        ValueError, match=rf"has SHA-256 {source_digest(source.path)}, wanted {'0' * 64}: it has changed"
    ):
        import_into(tmp_path / "model", source, digest="0" * 64, labels_file=labels_file)
    assert list(tmp_path.iterdir()) == [labels_file]


def test_the_node_has_float_trainers_output_and_a_key_of_file_variant_and_code():
    given = {"uri": "/data/model.ckpt", "digest": "d", "variant": "0.25_64", "raw": True, "code": "c"}
    node = CheckpointImporter(examples=channel_utils.as_channel([Examples()]), **given)
    assert {key: channel.type for key, channel in node.outputs.items()} == {"model": Model}
    assert {key: node.exec_properties[key] for key in given} == given
