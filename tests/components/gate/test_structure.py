"""What is seen on the bytes of the file itself; the sabotages of a trained one are in test_sabotage.py."""

import struct

import pytest

from components.gate import structure
from tests.components.gate import sabotage
from trainer import quantization, tflite
from trainer.network import mobilenet_v1
from trainer.network.variant import Variant
from trainer.tflite import metadata
from trainer.tflite.graph import pack, parse

pytestmark = pytest.mark.slow

LABELS = ["background", "ant", "bee", "cow"]
VARIANT = Variant(0.25, 32)


@pytest.fixture(scope="module")
def plain() -> bytes:
    model = mobilenet_v1.build(width=0.25, resolution=32, classes=len(LABELS))
    return tflite.convert(quantization.quantize(model, calibration=None, freeze_bn=True), edges="int8")


@pytest.fixture(scope="module")
def file(plain) -> bytes:
    return with_labels(plain, LABELS)


def with_labels(file: bytes, labels: list[str]) -> bytes:
    return metadata.add_metadata(
        file, labels=labels, name="MobileNetV1 0.25_32", description="", central_fraction=0.875
    )


def faults(file: bytes, labels: list[str] = LABELS, variant: Variant | None = VARIANT) -> tuple[str, ...]:
    return structure.examine(file, labels=labels, variant=variant, central_fraction=0.875).faults


def test_a_file_of_our_converter_has_no_fault_and_its_sentence_says_what_was_seen(file):
    evidence = structure.examine(file, labels=LABELS, variant=VARIANT, central_fraction=0.875)
    assert evidence.passed
    assert evidence.reason.startswith(
        "Structure: 30 operators, all of them int8 with one scale for each output channel"
    )
    assert "mean and deviation of 127.5, and the 4 labels are the data's." in evidence.reason
    assert evidence.facts == {"operators": 30, "outputs": 4, "resolution": 32}


def test_a_file_of_another_width_or_resolution_is_not_the_network(file):
    [wider] = faults(file, variant=Variant(0.5, 32))
    assert "not the network of MobileNetV1 0.50_32" in wider
    assert "convolution 0 is CONV_2D [8, 3, 3, 3], wanted CONV_2D [16, 3, 3, 3]" in wider
    assert faults(file, variant=Variant(0.25, 64)) == ("It takes pictures of 32 pixels, wanted 64.",)
    assert faults(file, variant=None) == ()


def test_labels_of_other_data_are_told_by_number_and_name(file):
    assert faults(file, ["background", "ant", "wasp", "cow"]) == (
        "The label map is not the data's: output 2 is 'bee', in the data 'wasp'.",
    )
    fewer, counts = faults(file, LABELS[:3])
    assert fewer == "It has 4 outputs, and the data 3 labels with the background."
    assert counts == "The label map is not the data's: it has 4 labels, the data 3."


def test_a_file_without_metadata_or_labels_says_what_is_missing(plain):
    no_metadata, no_crop, no_labels = faults(plain)
    assert no_crop == "The metadata tells clients nothing of a crop, and 0.875 was measured. Convert again."
    assert no_metadata == "No metadata in the .tflite file: was it written by add_metadata?"
    assert no_labels.startswith("No labels.txt in the .tflite file")


def test_a_scale_that_is_no_positive_number_is_named(file):
    model = parse(file)
    operator = model.subgraphs[0].operators[4]
    tensor = model.subgraphs[0].tensors[operator.outputs[0]]
    tensor.quantization.scale = [0.0]
    [fault] = faults(with_labels(pack(model), LABELS))
    assert fault.startswith("No usable scale for ") and fault.endswith("wanted finite ones above 0.")


def test_another_crop_than_was_measured_is_told(file):
    assert structure.examine(file, labels=LABELS, variant=VARIANT, central_fraction=1.0).faults == (
        "The metadata tells clients to take 0.875 of each side of a picture, and 1 was measured. Convert again.",
    )


@pytest.mark.parametrize("spoil", [sabotage.second_labels, sabotage.second_metadata, sabotage.bytes_behind])
def test_a_second_label_file_or_metadata_or_bytes_behind_them_are_told(file, spoil):
    [fault] = faults(spoil(file))
    assert fault.startswith("The file holds more than the converter writes: a second label file")


def test_a_softmax_that_is_surer_than_it_was_trained_is_told(file):
    [fault] = faults(sabotage.surer_softmax(file, central_fraction=0.875))
    assert "SOFTMAX (probabilities): beta is 4.0, wanted 1, with which it was trained" in fault


@pytest.mark.parametrize("content", [b"", b"TFL3", b"\x1c\0\0\0TFL3" + struct.pack("<I", 1 << 31) * 10])
def test_bytes_that_are_no_tflite_file_are_a_fault_and_not_a_crash(content):
    [fault] = faults(content)
    assert ".tflite file" in fault or "the file" in fault.lower()
