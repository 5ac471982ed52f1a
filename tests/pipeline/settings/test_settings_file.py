"""A settings file: the examples load, and everything wrong with one is said at once, with its line."""

import dataclasses
import os
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
import yaml
from pydantic import BaseModel

from pipeline.settings import settings_file
from pipeline.settings.cluster import KubeflowSettings, Parameters, VertexSettings, Volume
from pipeline.settings.error import SettingsError
from pipeline.settings.local import ROOT, Settings
from pipeline.settings.nodes import Beam, KubeflowGpu, KubeflowNode, Training, VertexGpu, VertexNode

EXAMPLES = ROOT / "settings"
TWELVE_FAULTS = """\
target: kubeflow
image: registry.example/mobilenet-pipeline:1
host: kubeflow.example
cache: maybe
volumes:
  - {claim: mobilenet, mount: /mnt}
nodes:
  default:
    memory: 16GB
    gpus: 1
  FloatTrainer:
    gpu:
      count: 0
  Evaluator:
    beam:
      runner: flink
  Trainer: {cpu: 2}
labels:
  team: Vision
parameters:
  data: gs://bucket/pictures
  floor: 0.5
  floor: 0.6
"""
THEIR_MESSAGES = """\
1: pipeline_root: got nothing, wanted gs://BUCKET/FOLDER, since Evaluator's Beam workers see no other artifacts
3: host: got 'kubeflow.example', wanted the API's address, as a browser opens it, such as https://kubeflow.example
4: cache: got 'maybe', wanted true or false
9: nodes.default.memory: got '16GB', wanted text such as 16G
10: nodes.default.gpus: got an unknown name, wanted gpu
13: nodes.FloatTrainer.gpu.count: got 0, wanted a whole number at least 1
15: nodes.Evaluator.beam.options.job_endpoint: got nothing, wanted HOST:PORT of Beam's job server
17: nodes.Trainer: got a mapping, wanted default, one of ImageNetExampleGen, IngestionReport, StatisticsGen, \
LabelSchema, ExampleValidator, DataGate, CheckpointImporter, FloatTrainer, QatTrainer, TFLiteConverter, Evaluator, \
AccuracyGate, ReportBuilder, BundleBuilder, \
Pusher, ZooReport, or one node's id
19: labels.team: got 'Vision', wanted small letters, digits, _ and -, 63 at most; a name begins with a letter
20: parameters.push_destination: got nothing, wanted the folder for release bundles
21: parameters.data: got 'gs://bucket/pictures', wanted a folder on one of the volumes (/mnt): Kubeflow brings nodes \
their artifacts and nothing else
23: parameters.floor: got it again (line 22 has it too), wanted it once
"""


@pytest.fixture
def refused(tmp_path):
    """Text of a file → what is said of it, without the file's name."""

    def message(text: str) -> str:
        (tmp_path / "settings.yaml").write_text(text)
        with pytest.raises(SettingsError) as error:
            settings_file.load(tmp_path / "settings.yaml")
        return str(error.value).replace(f"{tmp_path}/settings.yaml", "FILE")

    return message


def test_twelve_faults_of_every_sort_are_told_at_once_each_with_its_line(refused):
    wanted = re.sub("^", "FILE:", THEIR_MESSAGES.strip(), flags=re.MULTILINE)
    assert refused(TWELVE_FAULTS) == wanted


def test_rules_over_several_fields_are_told_though_required_fields_are_missing(refused):
    text = "target: vertex\nnodes:\n  Pusher:\n    training: {}\n  QatTrainer:\n    gpu: {type: NVIDIA_L4}\n"
    told = refused(text + "    training: {machine: g2-standard-4}\n").splitlines()
    assert [line.split(": got")[0] for line in told] == [
        "FILE:1: image", "FILE:1: location", "FILE:1: parameters", "FILE:1: pipeline_root", "FILE:1: project",
        "FILE:4: nodes.Pusher.training", "FILE:4: nodes.Pusher.training.machine", "FILE:6: nodes.QatTrainer.gpu",
    ]  # fmt: skip
    assert told[-1].endswith("got a mapping, wanted it under training: this node only waits for the job")


def test_a_file_for_this_machine_has_its_faults_told_the_same_way(refused):
    assert refused("target: local\nfloor: 2\ndat: pictures\nworkdir: [runs]\nenable_cache: 1\n") == (
        "FILE:2: floor: got 2, wanted a number at least 0 and at most 1 "
        "(the least top-1 of an int8 file worth shipping; 0: above the largest class)\n"
        "FILE:3: dat: got an unknown name, wanted data\n"
        "FILE:4: workdir: got a list, wanted the folder for all that is made\n"
        "FILE:5: enable_cache: got 1, wanted true or false (whether what has not changed comes from the last run)"
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("image: a:1\n", r"FILE:1: target: got nothing, wanted one of local, vertex, kubeflow"),
        ("target: [vertex]\n", r"FILE:1: target: got a list, wanted one of local, vertex, kubeflow"),
        ("- vertex\n", r"FILE:1: the file: got a list, wanted a mapping with target"),
        ("", r"FILE is empty. See settings/ for examples."),
        ("target: {local", r"(?s)FILE cannot be read: .*line 1.*See settings/ for examples"),
        ("target: local\nname: 2024-13-45\n", r"FILE cannot be read: month must be in 1..12"),
        ("target: local\nname: !!python/name:os.system\n", r"(?s)FILE cannot be read: could not determine.*line 2"),
        ("target: local\nname: &a [*a]\n", r"FILE is nested too deeply, or an alias stands for what holds it"),
        ("a: " + "[" * 1000, r"FILE is nested too deeply"),
        ("# " + "x" * (256 << 10), r"FILE has 262,146 bytes, wanted at most 262,144"),
    ],
)
def test_what_is_no_settings_file_is_refused(refused, text, message):
    assert re.match(message, refused(text))


def test_a_few_lines_that_stand_for_billions_of_values_are_refused(refused):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]" for i in range(1, 12)]
    message = refused("\n".join(lines))
    assert re.match(r"FILE holds 1,\d{3},\d{3},\d{3},\d{3} values with its aliases, wanted at most 10,000", message)


def test_what_nodes_share_may_be_written_once(tmp_path):
    text = (EXAMPLES / "kubeflow.yaml").read_text().replace("\n  FloatTrainer:\n", "\n  FloatTrainer: &trainer\n")
    shared = text[: text.index("  QatTrainer:")] + "  QatTrainer: {<<: *trainer, cpu: 4}\n"
    (tmp_path / "shared.yaml").write_text(shared)
    nodes = settings_file.load(tmp_path / "shared.yaml").nodes  # type: ignore[union-attr]
    assert (nodes["QatTrainer"].cpu, nodes["FloatTrainer"].cpu) == (4, 8)
    assert nodes["QatTrainer"].gpu == nodes["FloatTrainer"].gpu


def test_a_file_may_extend_another_field_by_field(tmp_path):
    (tmp_path / "platform").mkdir()
    (tmp_path / "platform" / "team.yaml").write_text((EXAMPLES / "kubeflow.yaml").read_text())
    (tmp_path / "own.yaml").write_text(
        "extend: platform/team.yaml\nlabels: {project: birds}\nvolumes: [{claim: birds, mount: /mnt}]\n"
        "nodes:\n  FloatTrainer: {memory: 96Gi, gpu: {count: 4}}\nparameters: {holdout: 0.1}\n"
    )
    team, own = (settings_file.load(tmp_path / name) for name in ("platform/team.yaml", "own.yaml"))
    assert isinstance(team, KubeflowSettings)
    assert isinstance(own, KubeflowSettings)
    assert own.labels == {"team": "vision", "project": "birds"}
    assert [volume.claim for volume in own.volumes] == ["birds"]
    trainer = own.nodes["FloatTrainer"]
    assert trainer.gpu is not None
    assert (trainer.memory, trainer.gpu.count, trainer.cpu) == ("96Gi", 4, 8)
    assert trainer.tolerations == team.nodes["FloatTrainer"].tolerations
    assert (own.parameters.holdout, own.parameters.data, own.host) == (0.1, "/mnt/pictures", team.host)


def test_faults_are_told_with_the_file_that_has_them(tmp_path):
    (tmp_path / "team.yaml").write_text(
        "target: kubeflow\nhost: kubeflow.example\nimage: a:1\nvolumes: [{claim: c, mount: /mnt}]\n"
        "parameters: {data: /mnt/a}\n"
    )
    (tmp_path / "own.yaml").write_text("extend: team.yaml\nparameters:\n  push_destination: /elsewhere\n")
    with pytest.raises(SettingsError) as error:
        settings_file.load(tmp_path / "own.yaml")
    lines = [line.split(": got")[0] for line in str(error.value).splitlines()]
    assert lines == [f"{tmp_path}/own.yaml:3: parameters.push_destination", f"{tmp_path}/team.yaml:2: host"]


def test_a_file_that_extends_itself_or_nothing_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("extend: b.yaml\n")
    (tmp_path / "b.yaml").write_text("extend: a.yaml\n")
    with pytest.raises(SettingsError, match=r"a\.yaml extends itself, by way of .*b\.yaml"):
        settings_file.load(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").write_text("extend: none.yaml\n")
    with pytest.raises(SettingsError, match=r"none\.yaml cannot be read"):
        settings_file.load(tmp_path / "a.yaml")
    (tmp_path / "b.yaml").write_text("extend: [a.yaml]\n")
    with pytest.raises(SettingsError, match=r"b\.yaml: extend is \['a\.yaml'\], wanted the name of another settings"):
        settings_file.load(tmp_path / "a.yaml")


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"none\.yaml cannot be read: .*No such file.*See settings/"):
        settings_file.load(tmp_path / "none.yaml")


@pytest.mark.parametrize(
    ("name", "models"),
    [
        ("vertex", {VertexSettings, Parameters, VertexNode, Beam, VertexGpu, Training}),
        ("kubeflow", {KubeflowSettings, Parameters, Volume, KubeflowNode, Beam, KubeflowGpu}),
    ],
)
def test_the_examples_for_clusters_load_and_say_every_field(name, models):
    said = set(_said(settings_file.load(EXAMPLES / f"{name}.yaml")))
    assert said == {(model, field) for model in models for field in model.model_fields}


def test_the_example_for_this_machine_says_every_field_and_each_is_the_default(monkeypatch):
    monkeypatch.chdir(ROOT)
    assert settings_file.load(EXAMPLES / "local.yaml") == Settings()
    said = yaml.safe_load((EXAMPLES / "local.yaml").read_text())
    assert set(said) == {field.name for field in dataclasses.fields(Settings)}


def test_the_modules_for_settings_import_no_tensorflow_and_no_tfx():
    code = (
        "import sys, pipeline.settings.settings_file, pipeline.compiled.placement, pipeline.cluster.run_parameters;"
        "heavy = ('tensorflow', 'tfx', 'kfp', 'google.cloud.aiplatform', 'apache_beam');"
        "print([name for name in heavy if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def _said(value: object) -> Iterator[tuple[type, str]]:
    """Each model in the settings, and each of its fields that the file gives."""
    if isinstance(value, BaseModel):
        yield from ((type(value), field) for field in value.model_fields_set)
        value = dict(value)
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _said(inner)
