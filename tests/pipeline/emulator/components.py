"""Small TFX components that a compiled file names, importable in a node's process too."""

# No `from __future__ import annotations`: TFX reads the annotations.
import os
from pathlib import Path
from typing import TypedDict

from tfx.dsl.component.experimental.annotations import InputArtifact, OutputArtifact, Parameter
from tfx.dsl.component.experimental.decorators import component
from tfx.orchestration.kubeflow.decorators import exit_handler
from tfx.types.standard_artifacts import Model, ModelBlessing


class Letters(TypedDict):
    """An output value."""

    letters: int


@component
def Count(model: InputArtifact[Model]) -> Letters:
    """How long a text is."""
    return {"letters": len(Path(model.uri, "text.txt").read_text())}


@component
def Write(text: Parameter[str], model: OutputArtifact[Model]):
    """A model that is a text."""
    os.makedirs(model.uri, exist_ok=True)
    Path(model.uri, "text.txt").write_text(text)
    model.set_string_custom_property("text", text)


@component
def Repeat(model: InputArtifact[Model], letters: Parameter[int], repeated: OutputArtifact[Model]):
    """The text as often as that; fails on none."""
    if not letters:
        raise ValueError("no letters to repeat")
    os.makedirs(repeated.uri, exist_ok=True)
    Path(repeated.uri, "text.txt").write_text(Path(model.uri, "text.txt").read_text() * letters)
    repeated.set_string_custom_property("told", model.get_string_custom_property("text"))


@component
def Bless(model: InputArtifact[Model], blessing: OutputArtifact[ModelBlessing]):
    """Whatever holds an `a`."""
    text = Path(model.uri, "text.txt").read_text()
    blessing.set_int_custom_property("blessed", int("a" in text))


@component
def Push(model: InputArtifact[Model], pushed: OutputArtifact[Model]):
    """For a condition to hold back."""
    os.makedirs(pushed.uri, exist_ok=True)
    Path(pushed.uri, "text.txt").write_text(Path(model.uri, "text.txt").read_text())


@exit_handler
def Last(status: Parameter[str], file: Parameter[str]):
    """Leaves what it was told in a file."""
    Path(file).write_text(status)
