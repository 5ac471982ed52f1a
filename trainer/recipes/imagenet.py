"""ImageNet, to begin with: the packaged trainer's hyperparameters (see `packaged`), its slips mended.

What differs from `packaged`: the rate falls every 2.5 epochs of ImageNet as it is; what fine-tunes keeps the float
model's batch norm and starts with ranges calibrated on pictures; what is quantized from scratch is rounded from the
first step on. `released` is nearer to how the published weights were made.

Expected top-1: not yet run. Cost: not measured.
Command: mobilenet run --data IMAGENET --recipe imagenet --variant 1.0_224
"""

import dataclasses

from trainer.recipes import packaged

FLOAT = dataclasses.replace(packaged.FLOAT, name="imagenet_float", decay_epochs=2.5)

QAT = dataclasses.replace(
    packaged.QAT,
    name="imagenet_qat",
    decay_epochs=2.5,
    freeze_bn=True,
    calibration_pictures=2048,
)

FROM_SCRATCH = dataclasses.replace(
    FLOAT,
    name="imagenet_from_scratch",
    quantized=True,
    calibration_pictures=2048,  # The ranges of the untrained network: a better start than [0, 6].
)
