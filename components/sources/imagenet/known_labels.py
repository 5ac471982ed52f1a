"""ILSVRC2012's validation labels, which are known: any other order of them, however it came about, is told by a digest.

Of a part of that set, or of other pictures, nothing is known: labels that are shifted or shuffled there look like any
others, and only a model that was trained elsewhere would tell.
"""

import hashlib
import re

from components.data_error import DataError
from components.sources.classes import WNID
from components.sources.source import Source
from trainer import imagenet

# Of TF-Slim's imagenet_2012_validation_synset_labels.txt: a wnid a line, in the order of the pictures' names.
LABELS_SHA256 = "313fc3f23c864dde9183c9a368809065765dd1b657a6904fded44e3e46d34604"
_NAME = re.compile(r"ILSVRC2012_val_\d{8}\.JPEG")


def check(source: Source, root: str) -> None:
    """Passes whatever is not the whole set under its own names.

    Raises:
        DataError: it is, and the labels are not its.
    """
    entries = source.splits.get(imagenet.EVAL, ())
    if (len(entries), len(source.categories)) != (imagenet.EVAL_PICTURES, imagenet.CLASSES - 1):
        return
    wnids = [category.synset for category in source.categories]
    labels = sorted((entry.name.rpartition("/")[2], wnids[entry.label - 1]) for entry in entries)
    if not all(WNID.fullmatch(wnid) for wnid in wnids) or not all(_NAME.fullmatch(name) for name, _ in labels):
        return
    digest = hashlib.sha256("".join(f"{wnid}\n" for _, wnid in labels).encode()).hexdigest()
    if digest != LABELS_SHA256:
        raise DataError(
            f"{root}: these are the 50,000 names of ILSVRC2012's validation pictures, but not its labels (their "
            f"SHA-256 is {digest[:16]}…, not {LABELS_SHA256[:16]}…): some lie with another class than their own. "
            "Give the labels of this very set; pictures with labels of your own must have names of their own."
        )
