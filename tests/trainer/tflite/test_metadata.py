"""Labels and normalisation travel inside the .tflite file, where any client of the format finds them."""

import io
import struct
import zipfile

import numpy as np
import pytest
import tensorflow as tf
from ai_edge_litert import schema_py_generated as schema
from flatbuffers import number_types
from flatbuffers.table import Table

from trainer import tflite
from trainer.network import mobilenet_v1
from trainer.tflite import metadata as tflite_metadata

SIDE = 32
LABELS = ["background", "ankle boot", "T-shirt/top", "crane", "crane", "Škoda 🚗"]

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings(r"ignore:.*tf\.lite\.Interpreter is deprecated:UserWarning")]


@pytest.fixture(scope="module")
def plain():
    model = mobilenet_v1.build(width=0.25, resolution=SIDE, classes=len(LABELS))
    model.get_layer("Logits").bias.assign([0, 1, 2, -3, -1, 3])
    return tflite.convert(model, edges="float")


@pytest.fixture(scope="module")
def file(plain):
    return tflite_metadata.add_metadata(plain, labels=LABELS, name="MobileNetV1 0.25_32", description="Six classes.")


def test_labels_come_back_in_order(file):
    assert tflite_metadata.read_labels(file) == LABELS


def test_the_labels_are_an_uncompressed_zip_behind_the_model(file):
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        assert archive.testzip() is None
        (entry,) = archive.infolist()
    assert (entry.filename, entry.compress_type) == ("labels.txt", zipfile.ZIP_STORED)
    assert file[entry.header_offset :][:4] == b"PK\x03\x04"


def test_the_metadata_says_rgb_size_normalisation_and_where_the_labels_are(file):
    root = metadata(file)
    assert (text(root, 0), text(root, 1)) == ("MobileNetV1 0.25_32", "Six classes.")
    (subgraph,) = tables(root, 3)
    (image,), (scores,) = tables(subgraph, 2), tables(subgraph, 3)
    assert (text(image, 0), text(scores, 0)) == ("image", "probability")
    properties = table(table(image, 3), 1)
    assert byte(table(image, 3), 0) == 2  # The union's ImageProperties.
    assert byte(properties, 0) == 1  # RGB.
    assert [uint32(table(properties, 1), slot) for slot in (0, 1)] == [SIDE, SIDE]
    (unit,) = tables(image, 4)
    assert byte(unit, 0) == 1  # The union's NormalizationOptions.
    assert [floats(table(unit, 1), slot) for slot in (0, 1)] == [[127.5], [127.5]]
    assert [floats(table(image, 5), slot) for slot in (0, 1)] == [[1.0], [-1.0]]  # max, min.
    (associated,) = tables(scores, 6)
    assert (text(associated, 0), byte(associated, 2)) == ("labels.txt", 2)  # TENSOR_AXIS_LABELS.


def test_both_interpreters_give_the_same_probabilities_with_the_metadata_as_without(plain, file):
    pictures = np.random.default_rng(1).uniform(-1, 1, (1, SIDE, SIDE, 3)).astype(np.float32)
    wanted = tflite.Runner(plain).probabilities(pictures)
    np.testing.assert_array_equal(tflite.Runner(file).probabilities(pictures), wanted)
    interpreter = tf.lite.Interpreter(model_content=file)
    interpreter.allocate_tensors()
    interpreter.set_tensor(interpreter.get_input_details()[0]["index"], pictures)
    interpreter.invoke()
    got = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    np.testing.assert_allclose(got, wanted, atol=1e-6)


def test_the_rewritten_model_keeps_its_signature_and_its_buffers_lie_on_16_bytes(file):
    (signature,) = tflite_metadata.parse(file).signatureDefs
    assert (signature.inputs[0].name, signature.outputs[0].name) == (b"images", b"probabilities")
    model = schema.Model.GetRootAsModel(file, 0)
    buffers = [model.Buffers(index) for index in range(model.BuffersLength())]
    filled = [buffer for buffer in buffers if buffer.DataLength()]
    assert len(filled) > 30
    for buffer in filled:
        assert buffer._tab.Vector(buffer._tab.Offset(4)) % 16 == 0


def test_the_same_input_gives_the_same_bytes_and_new_metadata_replaces_the_old(plain, file):
    again = tflite_metadata.add_metadata(plain, labels=LABELS, name="MobileNetV1 0.25_32", description="Six classes.")
    assert again == file
    other = tflite_metadata.add_metadata(file, labels=LABELS[::-1], name="other", description="")
    assert tflite_metadata.read_labels(other) == LABELS[::-1]
    assert text(metadata(other), 0) == "other"
    names = [entry.name for entry in tflite_metadata.parse(other).metadata]
    assert names.count(b"TFLITE_METADATA") == 1


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS[:-1], "got 5 labels for 6 outputs, wanted one each"),
        ([*LABELS[:-1], ""], r"single lines that are not empty, got \[''\]"),
        ([*LABELS[:-1], "two\nlines"], r"single lines that are not empty, got \['two\\nlines'\]"),
    ],
    ids=["too-few", "empty", "two-lines"],
)
def test_labels_that_would_not_come_back_are_refused(plain, labels, message):
    with pytest.raises(tflite.TFLiteError, match=message):
        tflite_metadata.add_metadata(plain, labels=labels, name="", description="")


def test_a_file_without_labels_says_so(plain):
    with pytest.raises(tflite.TFLiteError, match=r"no labels\.txt in the \.tflite file"):
        tflite_metadata.read_labels(plain)


def test_labels_that_unpack_to_gigabytes_are_refused_unread(plain):
    bomb = io.BytesIO(plain)
    with zipfile.ZipFile(bomb, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("labels.txt", bytes((64 << 20) + 1))
    with pytest.raises(tflite.TFLiteError, match="has 67108865 bytes, wanted at most 67108864"):
        tflite_metadata.read_labels(bomb.getvalue())


def metadata(file: bytes) -> Table:
    """The root table, found as the format's documentation says, not as our writer does."""
    model = schema.Model.GetRootAsModel(file, 0)
    entries = [model.Metadata(index) for index in range(model.MetadataLength())]
    (entry,) = [entry for entry in entries if entry.Name() == b"TFLITE_METADATA"]
    content = model.Buffers(entry.Buffer()).DataAsNumpy().tobytes()
    assert content[4:8] == b"M001"
    return Table(content, struct.unpack_from("<I", content)[0])


def table(parent: Table, slot: int) -> Table:
    return Table(parent.Bytes, parent.Indirect(parent.Pos + at(parent, slot)))


def tables(parent: Table, slot: int) -> list[Table]:
    start, count = parent.Vector(at(parent, slot)), parent.VectorLen(at(parent, slot))
    return [Table(parent.Bytes, parent.Indirect(start + 4 * index)) for index in range(count)]


def text(parent: Table, slot: int) -> str:
    return parent.String(parent.Pos + at(parent, slot)).decode()


def byte(parent: Table, slot: int) -> int:
    return parent.Get(number_types.Uint8Flags, parent.Pos + at(parent, slot))


def uint32(parent: Table, slot: int) -> int:
    return parent.Get(number_types.Uint32Flags, parent.Pos + at(parent, slot))


def floats(parent: Table, slot: int) -> list[float]:
    return parent.GetVectorAsNumpy(number_types.Float32Flags, at(parent, slot)).tolist()


def at(parent: Table, slot: int) -> int:
    offset = parent.Offset(4 + 2 * slot)
    assert offset, f"field {slot} is missing"
    return offset
