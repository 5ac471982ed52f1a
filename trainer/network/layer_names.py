"""Layers bear the float model's names in every form of the network; tfmot puts something before them."""

QUANTIZED = "quant_"
HEAD = "Logits"  # The one layer whose shape depends on the classes.


def float_name(name: str) -> str:
    """`quant_Conv2d_0` → `Conv2d_0`, the float model's layer; its own names stay as they are."""
    return name.removeprefix(QUANTIZED)
