"""The bill of materials is CycloneDX 1.6, by its own schema (tests/data/cyclonedx, Apache-2.0, from cyclonedx.org)."""

import json
from importlib import metadata
from pathlib import Path

import pytest
from jsonschema import Draft7Validator
from referencing import Registry, Resource

from components.release import sbom
from tests.components.release.release_facts import NAME, evaluation, info

SCHEMAS = Path(__file__).parents[2] / "data" / "cyclonedx"
SUMS = {"info.json": "a" * 64, "saved_model/saved_model.pb": "b" * 64, f"{NAME}_int8.tflite": "1" * 64}


@pytest.fixture(scope="module")
def validator() -> Draft7Validator:
    registry = Registry()
    for path in SCHEMAS.glob("*.json"):
        resource = Resource.from_contents(json.loads(path.read_text()))
        for name in (path.name.replace(".schema", ".SNAPSHOT.schema"), f"http://cyclonedx.org/schema/{path.name}"):
            registry = registry.with_resource(f"http://cyclonedx.org/schema/{Path(name).name}", resource)
    return Draft7Validator(json.loads((SCHEMAS / "bom-1.6.schema.json").read_text()), registry=registry)


@pytest.fixture
def document() -> dict:
    return sbom.describe(info(), evaluation(), SUMS)


def test_the_standards_schema_takes_it(document, validator):
    assert [error.message for error in validator.iter_errors(document)] == []


def test_the_schema_would_see_a_fault(document, validator):
    document["components"][0]["type"] = "thing"
    assert [error.json_path for error in validator.iter_errors(document)] == ["$.components[0].type"]


def test_every_file_is_there_with_its_sum(document):
    files = {each["name"]: each["hashes"] for each in document["components"] if each["type"] == "file"}
    assert files == {name: [{"alg": "SHA-256", "content": digest}] for name, digest in SUMS.items()}


def test_packages_have_the_versions_that_are_installed(document):
    packages = {each["name"]: each for each in document["components"] if each.get("purl", "").startswith("pkg:pypi/")}
    assert {"tensorflow", "tfx", "ai-edge-litert", "numpy"} <= set(packages)
    for name, package in packages.items():
        assert package["version"] == metadata.version(name)
        assert package["purl"] == f"pkg:pypi/{name}@{metadata.version(name)}"


def test_the_model_names_its_data_and_what_was_measured(document):
    model = document["metadata"]["component"]
    assert model["hashes"] == [{"alg": "SHA-256", "content": "1" * 64}]
    assert model["modelCard"]["modelParameters"]["datasets"] == [{"ref": "data"}]
    [data] = [each for each in document["components"] if each["bom-ref"] == "data"]
    assert data["properties"][0]["value"] == "d" * 64
    metrics = {each["type"]: each for each in model["modelCard"]["quantitativeAnalysis"]["performanceMetrics"]}
    assert metrics["top1 accuracy of the int8 model"]["value"] == "0.7060"
    assert metrics["top1 accuracy of the int8 model"]["confidenceInterval"] == {
        "lowerBound": "0.6646", "upperBound": "0.7442",
    }  # fmt: skip


def test_every_reference_leads_somewhere_and_none_is_used_twice(document):
    references = [each["bom-ref"] for each in (document["metadata"]["component"], *document["components"])]
    assert len(references) == len(set(references))
    [dependency] = document["dependencies"]
    assert set(dependency["dependsOn"]) | {dependency["ref"]} == set(references)


def test_the_serial_number_is_of_the_files_and_not_of_chance(document):
    assert sbom.describe(info(), evaluation(), SUMS) == document
    other = sbom.describe(info(), evaluation(), SUMS | {"info.json": "c" * 64})
    assert other["serialNumber"] != document["serialNumber"]
    assert "timestamp" not in document["metadata"]
