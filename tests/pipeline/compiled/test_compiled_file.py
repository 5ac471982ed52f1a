"""Compiled files on the disk: whole or not there, and what is no such file is said."""

import pytest

from pipeline.compiled import compiled_file
from pipeline.compiled.compiled_file import Compiled, CompiledFileError

SPEC = {"pipelineInfo": {"name": "x"}, "schemaVersion": "2.1.0"}


def test_what_is_written_is_read_again_with_kubernetes_part(tmp_path):
    compiled = Compiled({**SPEC, "root": {"dag": {"tasks": {"A": {}}}}}, {"platforms": {"kubernetes": {}}})
    compiled_file.write(tmp_path / "p.yaml", compiled, comment="# Made.\n")
    assert compiled_file.read(tmp_path / "p.yaml") == compiled
    assert (tmp_path / "p.yaml").read_text().startswith("# Made.\n")
    assert [path.name for path in tmp_path.iterdir()] == ["p.yaml"]


def test_where_it_cannot_be_written_is_said_and_nothing_is_left(tmp_path):
    (tmp_path / "folder").mkdir()
    for path in (tmp_path / "no" / "p.yaml", tmp_path / "folder"):
        with pytest.raises(CompiledFileError, match=f"{path} cannot be written: .* Give a file in a folder"):
            compiled_file.write(path, Compiled(SPEC))
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: b: c", "cannot be read: mapping values"),
        ("pipelineInfo: {}\n---\npipelineInfo: {}\n", "holds 2 PipelineSpecs in 2 documents, wanted one"),
        ("jobs: []\n", "holds 0 PipelineSpecs in 1 documents, wanted one"),
    ],
)
def test_what_is_no_compiled_file_is_refused_with_the_command_that_writes_one(text, message, tmp_path):
    (tmp_path / "p.yaml").write_text(text)
    with pytest.raises(CompiledFileError, match=rf"(?s){message}.*mobilenet compile"):
        compiled_file.read(tmp_path / "p.yaml")


@pytest.mark.parametrize("root", [None, {}, {"dag": None}, 3])
def test_a_file_without_tasks_or_parameters_has_none(root):
    compiled = Compiled({**SPEC, "root": root})
    assert (compiled.tasks, compiled.parameters) == ({}, {})


def test_a_users_file_beside_it_survives_whatever_its_name(tmp_path):
    for name in (".p.yaml.writing", "p.yaml.writing", "p.yaml.tmp"):
        (tmp_path / name).write_text("mine")
    compiled_file.write(tmp_path / "p.yaml", Compiled(SPEC))
    mine = {path.name for path in tmp_path.iterdir() if path.read_text() == "mine"}
    assert mine == {".p.yaml.writing", "p.yaml.writing", "p.yaml.tmp"}
