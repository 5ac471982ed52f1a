"""ImageNetExampleGen: pictures in, checked and sharded tf.Examples out. The shell; ingest.py does the work."""

import dataclasses
from collections.abc import Iterable
from typing import Any

from google.protobuf import json_format, struct_pb2
from tfx.components.example_gen import driver, input_processor
from tfx.components.example_gen.component import FileBasedExampleGen
from tfx.components.util import examples_utils
from tfx.dsl.components.base import base_beam_executor, executor_spec
from tfx.proto import example_gen_pb2
from tfx.types import artifact_utils, standard_component_specs

from components import options
from components.ingestion import ingest
from components.ingestion import rules as ingestion_rules
from components.ingestion.rules import Rules
from components.sources import detect, spans
from components.sources.wanted import ALL, Wanted
from trainer import imagenet

_WANTED, _RULES = ([field.name for field in dataclasses.fields(kind)] for kind in (Wanted, Rules))
_SETTINGS = ("pictures_per_shard", *_WANTED, *_RULES)
# TFX wants a pattern for each split. detect.py finds ours; these say the same to TFX's own driver, which Vertex AI
# runs in place of ours and which fingerprints whatever they match: "[ev][va]*" is eval, val or validation. A tar, a
# TFRecord file, and what labels or boxes pictures, is no split, but another one must be seen.
_PATTERNS = {
    imagenet.TRAIN: "train/*/*",
    imagenet.EVAL: "[ev][va]*/*/*",
    "tars": "*.tar",
    "labels": "[iI]*2012_[bdv]*.*",
    "records": "*-of-*",
    "ours": "Split-*/*-of-*",
}


class Executor(base_beam_executor.BaseBeamExecutor):
    """Overrides `Do`: TFX's own writer gzips JPEGs, has no shard count and carries every picture through Beam."""

    def Do(
        self, input_dict: dict[str, list[Any]], output_dict: dict[str, list[Any]], exec_properties: dict[str, Any]
    ) -> None:
        """Ingests `input_base` into the examples artifact and records the counts on it."""
        self._log_startup(input_dict, output_dict, exec_properties)
        examples = artifact_utils.get_single_instance(output_dict[standard_component_specs.EXAMPLES_KEY])
        settings = _settings(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY])
        settings |= _given(exec_properties)
        report = ingest.ingest(
            # Filled in already where our driver ran.
            spans.newest(exec_properties[standard_component_specs.INPUT_BASE_KEY]).folder,
            examples.uri,
            wanted=options.of(Wanted, settings),
            make_pipeline=self._make_beam_pipeline,
            rules=options.of(Rules, settings),
            pictures_per_shard=int(settings["pictures_per_shard"]),
        )
        _describe(examples, report)


class Driver(driver.FileBasedDriver):
    """Decides on the cache by names, sizes and times of all pictures, so that one moved to another class is seen.

    Of tars and TFRecords it takes theirs, and the labels of the ground truth. Of folders with {SPAN} in their name it
    takes the newest, and tells the executor which.
    """

    def resolve_exec_properties(
        self, exec_properties: dict[str, Any], pipeline_info: Any, component_info: Any
    ) -> dict[str, Any]:
        """Keeps what the processor must know of the source; the executor gets the folder that was found newest."""
        self._settings = _settings(exec_properties[standard_component_specs.CUSTOM_CONFIG_KEY])
        resolved = super().resolve_exec_properties(exec_properties, pipeline_info, component_info)
        return resolved | {standard_component_specs.INPUT_BASE_KEY: self._processor.folder}

    def get_input_processor(
        self,
        splits: Iterable[Any],
        range_config: Any = None,
        input_base_uri: str | None = None,
    ) -> input_processor.InputProcessor:
        """The processor whose fingerprint is source_kind.fingerprint."""
        self._processor = _Fingerprint(input_base_uri or "", splits, range_config)
        self._processor.wanted = options.of(Wanted, self._settings)
        return self._processor


class _Fingerprint(input_processor.FileBasedInputProcessor):
    wanted, folder = ALL, ""

    def resolve_span_and_version(self) -> tuple[int, int | None]:
        newest = spans.newest(self._input_base_uri)
        self.folder = newest.folder
        self._fingerprint = detect.fingerprint(self.folder, self.wanted)
        return newest.span, newest.version


class ImageNetExampleGen(FileBasedExampleGen):
    """Folders, tars or TFRecords of pictures → Examples: splits `train` and `eval`, labels.txt, ingestion_report.json.

    Example:
        ImageNetExampleGen(input_base="data/sample", code=digest).outputs["examples"]
    """

    EXECUTOR_SPEC = executor_spec.BeamExecutorSpec(Executor)
    DRIVER_CLASS = Driver

    def __init__(
        self,
        input_base: str,
        *,
        code: str,
        wanted: Wanted = ALL,
        rules: Rules = ingestion_rules.DEFAULT,
        pictures_per_shard: int = ingest.PICTURES_PER_SHARD,
    ) -> None:
        """Describes the node.

        Args:
            input_base: Folder with train/<class>/ and eval/<class>/, with tars or with TFRecords. With {SPAN}, or
                {YYYY}, {MM} and {DD}, and {VERSION} in it: the newest of them when the node runs.
            code: Digest of the sources that ingest; part of the cache key.
            wanted, rules, pictures_per_shard: As for ingestion.ingest.
        """
        splits = [example_gen_pb2.Input.Split(name=name, pattern=pattern) for name, pattern in _PATTERNS.items()]
        values = {"code": code, **dataclasses.asdict(wanted), **dataclasses.asdict(rules)}
        super().__init__(
            input_base=input_base,
            input_config=example_gen_pb2.Input(splits=splits),
            custom_config=_custom_config(values | {"pictures_per_shard": pictures_per_shard}),
        )


def _custom_config(values: dict[str, Any]) -> example_gen_pb2.CustomConfig:
    """The one place where a FileBasedExampleGen takes parameters, and ML Metadata records them."""
    settings = struct_pb2.Struct()
    settings.update(values)
    config = example_gen_pb2.CustomConfig()
    config.custom_config.Pack(settings)
    return config


def _settings(custom_config: str) -> dict[str, Any]:
    config = json_format.Parse(custom_config, example_gen_pb2.CustomConfig())
    settings = struct_pb2.Struct()
    if not config.custom_config.Unpack(settings) or any(name not in settings for name in _SETTINGS):
        raise ValueError(
            f"ImageNetExampleGen's custom_config is {custom_config}; wanted a Struct with {', '.join(_SETTINGS)}. "
            "Build the node with ImageNetExampleGen(...)."
        )
    return json_format.MessageToDict(settings)


def _given(exec_properties: dict[str, Any]) -> dict[str, Any]:
    """What a compiled file has as parameters of the run (pipeline/compiled/compiler.py), and the run was given."""
    return {name: exec_properties[name] for name in _WANTED if exec_properties.get(name)}


def _describe(examples: Any, report: dict[str, Any]) -> None:
    examples.split_names = artifact_utils.encode_split_names(list(report["splits"]))
    examples_utils.set_payload_format(examples, example_gen_pb2.FORMAT_TF_EXAMPLE)
    # Not compressed, though the name says gzip: readers go by the shards' suffix, and TFX accepts no other value.
    examples_utils.set_file_format(examples, "tfrecords_gzip")
    examples.set_string_custom_property("digest", report["digest"])
    for split, counts in report["splits"].items():
        examples.set_int_custom_property(f"{split}_pictures", counts["pictures"])
