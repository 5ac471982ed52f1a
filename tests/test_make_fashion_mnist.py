"""data/make_fashion_mnist.py on small files of the same kind: what it writes, and what it refuses."""

import gzip
import hashlib
import importlib.util
import struct
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

SCRIPT = Path(__file__).parent.parent / "data" / "make_fashion_mnist.py"
LABELS = bytes([9, 0, 1, 2, 3, 4, 5, 6, 7, 8] * 2)  # Two of each class; the first is an ankle boot.


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("make_fashion_mnist", SCRIPT)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def source(tmp_path):
    """The four files, with 20 pictures a split; picture i is a flat grey of 10 * i."""
    folder = tmp_path / "source"
    folder.mkdir()
    pixels = np.repeat(np.arange(0, 200, 10, dtype=np.uint8), 28 * 28).tobytes()
    for prefix in ("train", "t10k"):
        images = struct.pack(">4I", 0x803, 20, 28, 28) + pixels
        (folder / f"{prefix}-images-idx3-ubyte.gz").write_bytes(gzip.compress(images))
        (folder / f"{prefix}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(struct.pack(">2I", 0x801, 20) + LABELS))
    return folder


def lay_out(script, source, output, *, train=None, evaluation=None):
    hashes = {path.name: hashlib.sha256(_content(path)).hexdigest() for path in source.iterdir()}
    script.lay_out(source=source, output=output, per_class={"train": train, "eval": evaluation}, sha256=hashes)


def _content(path):
    try:
        return gzip.decompress(path.read_bytes())
    except (EOFError, gzip.BadGzipFile):
        return b""


def test_a_picture_lies_in_its_class_under_its_number(script, source, tmp_path):
    lay_out(script, source, tmp_path / "out")
    with Image.open(tmp_path / "out/train/coat/00015.jpg") as picture:
        assert (picture.mode, picture.getextrema()) == ("RGB", ((150, 150),) * 3)
    assert len(list(tmp_path.glob("out/*/*/*.jpg"))) == 40


def test_the_first_of_each_class_are_taken(script, source, tmp_path):
    lay_out(script, source, tmp_path / "out", train=1, evaluation=2)
    assert sorted(path.name for path in tmp_path.glob("out/train/*/*")) == [f"{i:05}.jpg" for i in range(10)]
    assert sorted(path.name for path in tmp_path.glob("out/eval/*/*")) == [f"{i:05}.jpg" for i in range(20)]


def test_two_layouts_are_byte_for_byte_equal(script, source, tmp_path):
    trees = []
    for name in ("one", "two"):
        lay_out(script, source, tmp_path / name)
        paths = [path for path in (tmp_path / name).rglob("*") if path.is_file()]
        trees.append({path.relative_to(tmp_path / name): path.read_bytes() for path in paths})
    assert trees[0] == trees[1]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("train-images-idx3-ubyte.gz", struct.pack(">4I", 0x802, 20, 28, 28), "got magic 0x802 and items"),
        ("train-images-idx3-ubyte.gz", struct.pack(">4I", 0x803, 20, 28, 28), "got 16 bytes, wanted 15696 for 20"),
        ("t10k-labels-idx1-ubyte.gz", b"\0", "got 1 bytes, wanted a header of 8"),
        ("t10k-labels-idx1-ubyte.gz", struct.pack(">2I", 0x801, 1) + b"\1", "has 1 labels for the 20 pictures"),
        ("t10k-labels-idx1-ubyte.gz", struct.pack(">2I", 0x801, 20) + b"\12" * 20, "has a label 10, wanted 0…9"),
    ],
    ids=["magic", "short", "header", "count", "label"],
)
def test_a_file_that_is_not_what_its_header_says_is_refused(script, source, tmp_path, name, content, message):
    (source / name).write_bytes(gzip.compress(content))
    with pytest.raises(script.SourceError, match=message):
        lay_out(script, source, tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


def test_a_file_that_ends_too_early_is_refused(script, source, tmp_path):
    path = source / "train-images-idx3-ubyte.gz"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(script.SourceError, match="is not a whole gzip file"):
        lay_out(script, source, tmp_path / "out")


def test_other_content_than_fashion_mnists_is_refused_by_the_command(script, source, tmp_path, capsys):
    assert script.main(["--source", str(source), "--output", str(tmp_path / "out")]) == 1
    assert "wanted c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888" in capsys.readouterr().err


def test_more_pictures_than_there_are_leave_nothing_behind(script, source, tmp_path):
    with pytest.raises(script.SourceError, match="t_shirt_top: asked for 3 pictures, there are 2"):
        lay_out(script, source, tmp_path / "out", train=1, evaluation=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


def test_an_output_that_exists_is_left_alone(script, source, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    assert script.main(["--source", str(source), "--output", str(tmp_path / "out")]) == 1
    assert "exists already: remove it" in capsys.readouterr().err


def test_a_missing_source_is_named(script, tmp_path, capsys):
    assert script.main(["--source", str(tmp_path), "--output", str(tmp_path / "out")]) == 1
    assert "train-images-idx3-ubyte.gz: no such file" in capsys.readouterr().err


def test_without_apt_and_without_network_the_way_out_is_said(script, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(script, "PUBLIC_LOCATION", (tmp_path / "nowhere").as_uri() + "/")
    assert script.main(["--output", str(tmp_path / "out")]) == 1
    assert "into a folder yourself and give it as --source" in capsys.readouterr().err


def test_the_public_files_are_taken_where_there_is_no_apt(script, source, tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(script, "PUBLIC_LOCATION", source.as_uri() + "/")
    got = script.obtain(tmp_path)
    assert all((got / name).read_bytes() == (source / name).read_bytes() for name in script.SHA256)


@pytest.mark.parametrize("count", ["0", "-1", "ten"])
def test_a_count_that_is_none_is_refused(script, count, capsys):
    with pytest.raises(SystemExit, match="2"):
        script.main(["--output", "out", "--per-class-train", count])
    assert "wanted a whole number from 1 on" in capsys.readouterr().err
