"""The normalisation in a .tflite file's metadata, as its clients would read it."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainer import tflite
from trainer.network import mobilenet_v1
from trainer.tflite import metadata
from trainer.tflite.graph import TFLiteError, pack, parse
from trainer.tflite.normalization import read_normalization

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def file() -> bytes:
    model = mobilenet_v1.build(width=0.25, resolution=32, classes=3)
    plain = tflite.convert(model, edges="float")
    return metadata.add_metadata(plain, labels=["background", "a", "b"], name="", description="")


def metadata_of(file: bytes) -> tuple:
    model = parse(file)
    [entry] = [entry for entry in model.metadata if entry.name == metadata.BUFFER]
    return model, model.buffers[entry.buffer]


def test_what_was_written_comes_back(file, monkeypatch):
    assert read_normalization(file) == ((127.5,), (127.5,))
    monkeypatch.setattr(metadata, "MEAN", 3.0)
    monkeypatch.setattr(metadata, "STD", 0.5)
    other = metadata.add_metadata(file, labels=["background", "a", "b"], name="", description="")
    assert read_normalization(other) == ((3.0,), (0.5,))


def test_a_file_without_metadata_is_refused(file):
    model, _ = metadata_of(file)
    model.metadata = []
    with pytest.raises(TFLiteError, match=r"no metadata in the \.tflite file"):
        read_normalization(pack(model))


def test_metadata_of_another_kind_is_refused(file):
    model, buffer = metadata_of(file)
    buffer.data = np.frombuffer(b"\0\0\0\0M999\0\0\0\0", np.uint8)
    with pytest.raises(TFLiteError, match=r"the metadata in the \.tflite file is b'M999', wanted b'M001'"):
        read_normalization(pack(model))


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_damaged_metadata_is_read_or_refused_but_never_crashes(file, data):
    model, buffer = metadata_of(file)
    content = np.array(buffer.data, np.uint8)
    place = data.draw(st.integers(8, len(content) - 1))
    content[place] = data.draw(st.integers(0, 255))
    buffer.data = content[: data.draw(st.integers(place, len(content)))]
    try:
        found = read_normalization(pack(model))
    except TFLiteError as error:
        assert "the metadata in the .tflite file" in str(error)
    else:
        assert len(found.mean) <= 16 and len(found.std) <= 16
