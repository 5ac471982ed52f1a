"""A release that 0.1.0 pushed and signed verifies, predicts, sits in the zoo and is a "last release" today."""

import json
import shutil
from pathlib import Path

import pytest

from components.gate import last_release
from components.release import bundle
from components.zoo import bundles, tables
from pipeline.family import choose, models_table
from pipeline.release import predict as predicting
from pipeline.release import verify
from pipeline.release.pictures import Given
from tests.compat.recorded import DATA
from trainer import tflite

KEY = DATA / "public.pem"
STEP = 1.01 / 256  # Of an int8 softmax.


def recorded(name: str):
    return json.loads((DATA / "json" / f"{name}.json").read_text())


def test_its_signature_verifies_with_a_warning_for_what_it_does_not_bind(release):
    assert verify.faults(release, KEY) == []
    praise = verify.praise(release, KEY)
    assert "18 files, 1,937,312 bytes" in praise and "signed with" in praise
    assert "does not bind the version number" in praise


@pytest.mark.parametrize("file", ["info.json", "mobilenet_v1_0.05_32_int8.tflite", "model.sig"])
def test_a_changed_byte_in_it_is_found(release, tmp_path, file):
    altered = Path(shutil.copytree(release, tmp_path / "1"))
    content = bytearray((altered / file).read_bytes())
    content[len(content) // 2] ^= 1
    (altered / file).write_bytes(content)
    assert any(file in fault for fault in verify.faults(altered, KEY))


def test_it_predicts_the_classes_and_probabilities_that_0_1_0_printed(release):
    before = recorded("predict")
    now = json.loads(predicting.as_json(predicting.predict(release, [Given(path) for path in paths()], top=5)))
    assert [each["classes"][0]["label"] for each in now] == [each["classes"][0]["label"] for each in before]
    scores = [[each["classes"][0]["probability"] for each in said] for said in (now, before)]
    assert scores[0] == pytest.approx(scores[1], abs=STEP)  # Another CPU may round otherwise.


def paths() -> list[str]:
    return [str(DATA / "pictures" / Path(each["image"]).relative_to("pictures/eval")) for each in recorded("predict")]


def test_its_classifier_in_python_gives_the_same(release):
    [first] = tflite.Classifier(str(release)).predict(paths()[0], top=1)
    assert first.label == recorded("predict")[0]["classes"][0]["label"]


def test_the_zoo_read_from_it_is_the_one_that_0_1_0_wrote(files):
    written = bundles.load(files / "models" / "zoo" / "zoo.json")
    assert bundles.read(files / "models") == written
    assert [(model.name, model.top1, model.latency_ms is not None) for model in written.models] == [
        ("0.05_32 float", 0.756, True),
        ("0.05_32 int8", 0.754, True),
    ]


def test_the_zoos_tables_are_written_from_it_as_they_were(files):
    zoo = bundles.read(files / "models")
    for file, write in (("zoo.csv", tables.as_csv), ("zoo.md", tables.as_markdown)):
        assert write(zoo) == (files / "models" / "zoo" / file).read_text()


def test_choose_takes_it_from_the_folder_and_from_the_table(files):
    before = recorded("choose")
    for place in (files / "models", files / "models" / "zoo" / "zoo.json"):
        now = json.loads(choose.as_json(choose.choose(choose.candidates(place)[0], choose.Budget())))
        assert now["chosen"] == before["chosen"] | {"evidence": "sufficient"}


def test_models_shows_it_beside_the_published_ones(files):
    now = json.loads(models_table.as_json(models_table.family([], files / "models")))
    before = recorded("models")
    sized = {"int8_tflite_bytes", "float_tflite_bytes"}  # Files are smaller since.
    assert [{k: v for k, v in each.items() if k not in sized} for each in now["models"]] == [
        {k: v for k, v in each.items() if k not in sized} for each in before["models"]
    ]
    [one] = now["other_bundles"]
    assert {**one, "folder": ""} == {**before["other_bundles"][0], "folder": ""}


def test_the_gate_compares_a_new_file_with_it(files):
    found = last_release.search(str(files / "models"), "0.05_32", sha256="0" * 64).release
    assert found is not None and found.version == "1"
    assert found.counts == (377, 500)
    facts = last_release.compare(found, data=found.data, now=(300, 500), alpha=0.001)
    assert facts["top1"] == 0.754 and facts["drop_lower_bound"] > 0.05


def test_its_manifest_is_rendered_to_the_same_bytes(release):
    """`verify` compares them: another rendering would call each old release changed."""
    assert bundle.verify(release) == []
