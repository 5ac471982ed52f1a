"""The names in a TF-Slim checkpoint: the network's variables, what training kept beside them, and quantization ranges.

tf.contrib.quantize wrote `MobilenetV1/MobilenetV1/Conv2d_0/act_quant/min`, with the scope twice, and
`MobilenetV1/Logits/Conv2d_1c_1x1/act_quant/min`. Its versions differ in what stands between, so the layer alone counts.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

from trainer.network.layer_names import HEAD

SCOPE = "MobilenetV1/"
LOGITS = "MobilenetV1/Logits/Conv2d_1c_1x1"
EMA = "/ExponentialMovingAverage"
GLOBAL_STEP = "global_step"

_STATISTICS = ("/moving_mean", "/moving_variance")
# What TF1's optimizers and moving averages call what they keep of a variable.
_KEPT = re.compile(r"/(?:ExponentialMovingAverage|(?:RMSProp|Momentum|Adam|Adagrad|Adadelta|Ftrl)(?:_\d+)?)")
_COUNTERS = re.compile(rf"(?:.+/)?(?:{GLOBAL_STEP}|beta[12]_power)(?:_\d+)?")
# Behind it `biased` and `local_step`: kept by TF1's moving averages that correct their start (`zero_debias`).
_QUANTIZATION = re.compile(
    rf"{SCOPE}(?:.+/)?(?P<layer>Conv2d_1c_1x1|AvgPool_1a|Conv2d_\d+(?:_depthwise|_pointwise)?)/"
    r"(?:.+/)?(?P<kind>act_quant|weights_quant)/(?:.+/)?(?P<end>min|max)(?:/(?P<kept>.+))?"
)


class CheckpointError(ValueError):
    """A checkpoint that is not this network's, or cannot be read."""


def reference_name(layer: str, weight: str) -> str:
    """Our layer and its weight, `Conv2d_0_BatchNorm` and `gamma` → `MobilenetV1/Conv2d_0/BatchNorm/gamma`."""
    if layer == HEAD:
        return f"{LOGITS}/{'weights' if weight == 'kernel' else 'biases'}"
    if layer.endswith("_BatchNorm"):
        return f"{SCOPE}{layer.removesuffix('_BatchNorm')}/BatchNorm/{weight}"
    return f"{SCOPE}{layer}/{'depthwise_weights' if weight == 'depthwise_kernel' else 'weights'}"


def sources(names: Iterable[str], present: Collection[str], *, use_ema: bool) -> dict[str, str]:
    """The network's variables → the name in the checkpoint to read each from: its moving average where there are some.

    TF-Slim kept averages of all variables, or of the trained ones alone; then the batch norms' statistics, which are
    averages anyway, are taken as they are. Anything between is a mixture of two models and refused.

    Raises:
      CheckpointError: averages of some of the trained variables, or of some of the statistics, or of these alone.
    """
    names = list(names)
    if not use_ema:
        return {name: name for name in names}
    trained = [name for name in names if not name.endswith(_STATISTICS)]
    statistics = [name for name in names if name.endswith(_STATISTICS)]
    averaged = {name for name in names if name + EMA in present}
    for group, needed in ((trained, bool(averaged)), (statistics, not averaged.isdisjoint(statistics))):
        lacking = [name for name in group if name not in averaged]
        if needed and lacking:
            raise CheckpointError(
                f"{len(averaged)} of {len(names)} variables have a moving average, but {len(lacking)} that belong to "
                f"them do not: {', '.join(lacking[:5])}{', …' if len(lacking) > 5 else ''}. Half of each would be "
                "neither model: take the weights themselves (use_ema=False, --raw)."
            )
    return {name: name + EMA if name in averaged else name for name in names}


def strangers(names: Collection[str], present: Iterable[str]) -> list[str]:
    """What is in the checkpoint and is neither the network's nor kept by its training."""
    return sorted(name for name in present if name not in names and not _belongs(name, names))


def quantization_range(name: str) -> tuple[str, str, str] | None:
    """`…/Conv2d_0/act_quant/min` → our layer `Conv2d_0_Relu6`, `act_quant` and `min`; None if it is no range."""
    match = _QUANTIZATION.fullmatch(name)
    if not match or match["kept"]:
        return None
    layer = match["layer"]
    if layer == "Conv2d_1c_1x1":
        layer = HEAD
    elif layer.startswith("Conv2d_") and match["kind"] == "act_quant":
        layer = f"{layer}_Relu6"
    return layer, match["kind"], match["end"]


def _belongs(name: str, names: Collection[str]) -> bool:
    if _COUNTERS.fullmatch(name) or _QUANTIZATION.fullmatch(name):
        return True
    kept = _KEPT.search(name)
    return bool(kept and name[: kept.start()] in names)
