"""LabelSchema: what the examples must look like, from labels.txt.

An inferred schema would take its bounds from the data it is to judge, and gives the label no domain at all.
"""

from pathlib import Path

import tensorflow_data_validation as tfdv
from tensorflow_metadata.proto.v0 import schema_pb2
from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.types import standard_artifacts

from trainer import imagenet

SCHEMA_FILE = "schema.pbtxt"
_INTEGERS = {  # Name: lowest and highest value. The highest label comes from labels.txt.
    imagenet.LABEL: (1, imagenet.CLASSES - 1),
    imagenet.HEIGHT: (1, imagenet.MAX_SIDE),
    imagenet.WIDTH: (1, imagenet.MAX_SIDE),
    imagenet.CHANNELS: (3, 3),
}
_TEXTS = {imagenet.FORMAT: "JPEG", imagenet.COLORSPACE: "RGB"}  # Name: the only value.


@component
def LabelSchema(
    examples: InputArtifact[standard_artifacts.Examples],
    schema: OutputArtifact[standard_artifacts.Schema],
    code: Parameter[str],
) -> None:
    """Writes schema.pbtxt for the number of classes in the examples' labels.txt."""
    lines = (Path(examples.uri) / imagenet.LABELS_FILE).read_text(encoding="utf-8").splitlines()
    tfdv.write_schema_text(label_schema(lines), str(Path(schema.uri) / SCHEMA_FILE))


def label_schema(labels: list[str]) -> schema_pb2.Schema:
    """The schema of the checked features: each exactly once in every example, within its domain.

    Args:
        labels: The lines of labels.txt, the background first.

    Raises:
        ValueError: no background, or fewer than two classes.
    """
    classes = len(labels) - 1
    if classes < 2 or labels[0] != imagenet.BACKGROUND:
        raise ValueError(
            f"labels.txt has {len(labels)} lines and starts with {labels[:1]}; wanted {imagenet.BACKGROUND!r} and at "
            "least two classes. Ingest the pictures again."
        )
    schema = schema_pb2.Schema()
    for name, (low, high) in {**_INTEGERS, imagenet.LABEL: (1, classes)}.items():
        _add(schema, name, schema_pb2.INT).int_domain.CopyFrom(schema_pb2.IntDomain(name=name, min=low, max=high))
    for name, value in _TEXTS.items():
        domain = schema_pb2.StringDomain(name=name, value=[value])
        _add(schema, name, schema_pb2.BYTES).string_domain.CopyFrom(domain)
    return schema


def statistics_options() -> tfdv.StatsOptions:
    """What StatisticsGen looks at: labels, sizes and format. Never the JPEG bytes: costly, and they say nothing."""
    return tfdv.StatsOptions(feature_allowlist=[*_INTEGERS, *_TEXTS])


def _add(schema: schema_pb2.Schema, name: str, kind: "schema_pb2.FeatureType.ValueType") -> schema_pb2.Feature:
    feature = schema.feature.add(name=name, type=kind)
    feature.presence.CopyFrom(schema_pb2.FeaturePresence(min_fraction=1.0, min_count=1))
    feature.shape.CopyFrom(schema_pb2.FixedShape(dim=[]))
    return feature
