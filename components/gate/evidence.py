"""One kind of evidence for or against a blessing: what speaks against it, or what it rests on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Evidence:
    """What one kind of evidence says.

    Args:
      kind: how the reason calls it, in lower case.
      faults: sentences, one for each thing that speaks against a blessing; none is a blessing.
      praise: one sentence for evidence without faults.
      facts: the numbers and names that it rests on, as JSON holds them.
      notes: sentences that are told, and block nothing.
    """

    kind: str
    faults: tuple[str, ...]
    praise: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = field(default=(), kw_only=True)

    @property
    def passed(self) -> bool:
        return not self.faults

    @property
    def sentence(self) -> str:
        return " ".join((*(self.faults or (self.praise,)), *(f"Note: {note}" for note in self.notes)))

    @property
    def reason(self) -> str:
        """The sentence with its kind before it: a line of the verdict's reason."""
        return f"{self.kind.capitalize()}: {self.sentence}"

    def as_dict(self) -> dict[str, Any]:
        """As verdict.json holds it."""
        return {
            "kind": self.kind,
            "passed": self.passed,
            "sentence": self.sentence,
            "faults": list(self.faults),
            "facts": dict(self.facts),
        }
