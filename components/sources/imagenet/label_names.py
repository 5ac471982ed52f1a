"""What a picture's own name says of its class: ImageNet's training files are called after their wnid."""

from collections.abc import Iterator

from components.data_error import DataError
from components.sources.classes import WNID, listed, wnid_of
from components.sources.source import Source


def check(source: Source, root: str) -> None:
    """Every picture lies with the class that its name says, where both are wnids.

    Raises:
        DataError: naming those that lie elsewhere.
    """
    if not any(WNID.fullmatch(category.synset) for category in source.categories):
        return
    if strays := list(_strays(source)):
        raise DataError(
            f"{root}: {len(strays):,} pictures lie with another class than their names say: {listed(strays, 10)}. "
            "Their labels would be wrong. Move them to their class, or rename them."
        )


def _strays(source: Source) -> Iterator[str]:
    for entries in source.splits.values():
        for entry in entries:
            said = wnid_of(entry.name.rpartition("/")[2])
            if said and said != source.categories[entry.label - 1].synset:
                yield entry.name
