"""What went wrong, in a sentence for people, out of what Beam and TFX put around it."""

from __future__ import annotations

_OURS = ("trainer", "components", "pipeline")


def sentence(error: BaseException) -> str:
    """Our own sentence if there is one under the rest, else what went wrong first."""
    chain = [error]
    while (cause := chain[-1].__cause__) is not None:
        chain.append(cause)
    ours = (link for link in chain if type(link).__module__.split(".")[0] in _OURS)
    chosen = next(ours, chain[-1])
    return str(chosen).split(" [while running", 1)[0].strip() or type(chosen).__name__
