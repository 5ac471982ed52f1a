"""What a component's body sees: the artifact itself, and a parameter's plain value."""

from typing import Annotated, Any, TypeVar

T = TypeVar("T")

InputArtifact = Annotated[T, "input"]
OutputArtifact = Annotated[T, "output"]
AsyncOutputArtifact = Annotated[T, "output"]
Parameter = Annotated[T, "parameter"]
BeamComponentParameter = Annotated[T, "parameter"]
OutputDict: Any
