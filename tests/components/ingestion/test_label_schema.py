import pytest
import tensorflow as tf
import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import anomalies_pb2

from components.ingestion.label_schema import label_schema, statistics_options
from trainer import imagenet

LABELS = ["background", "ant", "bee", "cow"]
GOOD = {
    imagenet.LABEL: [1, 2, 3],
    imagenet.HEIGHT: [16, 16, 1],
    imagenet.WIDTH: [16, 16, 1],
    imagenet.CHANNELS: [3, 3, 3],
    imagenet.FORMAT: [b"JPEG"] * 3,
    imagenet.COLORSPACE: [b"RGB"] * 3,
}


def anomalies(tmp_path, features: dict[str, list]) -> anomalies_pb2.Anomalies:
    """What TFDV says of examples with these values against the schema of three classes."""
    path = str(tmp_path / "examples")
    with tf.io.TFRecordWriter(path) as writer:
        for index in range(3):
            example = tf.train.Example()
            for name, values in {**features, imagenet.ENCODED: [b"\xff\xd8 not UTF-8"] * 3}.items():
                kind = "bytes_list" if isinstance(values[index], bytes) else "int64_list"
                getattr(example.features.feature[name], kind).value.append(values[index])
            writer.write(example.SerializeToString())
    statistics = tfdv.generate_statistics_from_tfrecord(path, stats_options=statistics_options())
    return tfdv.validate_statistics(statistics, label_schema(LABELS))


def test_the_label_domain_is_the_classes_without_the_background():
    (label,) = [feature for feature in label_schema(LABELS).feature if feature.name == imagenet.LABEL]
    assert (label.int_domain.min, label.int_domain.max) == (1, 3)


def test_statistics_never_look_at_the_jpeg_bytes_but_at_all_the_schema_names():
    allowed = [str(name) for name in statistics_options().feature_allowlist or []]
    assert sorted(allowed) == sorted(feature.name for feature in label_schema(LABELS).feature)
    assert imagenet.ENCODED not in allowed


def test_good_examples_have_no_anomalies(tmp_path):
    assert not anomalies(tmp_path, GOOD).anomaly_info


@pytest.mark.parametrize(
    ("feature", "values"),
    [
        (imagenet.LABEL, [1, 2, 4]),
        (imagenet.LABEL, [0, 1, 2]),
        (imagenet.HEIGHT, [16, 16, 0]),
        (imagenet.CHANNELS, [3, 3, 1]),
        (imagenet.FORMAT, [b"JPEG", b"JPEG", b"PNG"]),
    ],
)
def test_a_value_out_of_its_domain_is_an_anomaly_of_that_feature(tmp_path, feature, values):
    assert list(anomalies(tmp_path, {**GOOD, feature: values}).anomaly_info) == [feature]


def test_a_missing_label_is_an_anomaly(tmp_path):
    features = {name: values for name, values in GOOD.items() if name != imagenet.LABEL}
    assert list(anomalies(tmp_path, features).anomaly_info) == [imagenet.LABEL]


@pytest.mark.parametrize("lines", [["background"], ["background", "ant"], ["ant", "bee", "cow"], []])
def test_labels_without_background_or_classes_are_an_error(lines):
    with pytest.raises(ValueError, match=r"labels.txt has \d lines and starts with .*; wanted 'background' and at"):
        label_schema(lines)
