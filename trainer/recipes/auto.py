"""People's own pictures, a hundred to a hundred thousand: epochs, batch and momentum follow from how many there are.

What is filled in before the first step is in trainer/sizing.py, and the model records what it was trained with. Batch
norm's statistics are estimated anew at the end: after few steps their averages are of weights that are gone.

Source: own. Expected top-1: that of the pictures; see README.md's table for the bundled ones.
Command: mobilenet run --data PICTURES
"""

import dataclasses

from trainer.recipe import Recipe

FLOAT = Recipe(
    name="auto_float",
    sized=True,
    epochs=30,
    batch_size=64,
    optimizer="adamw",
    peak_lr=4e-3,
    schedule="cosine",
    warmup_epochs=2,
    l2=0.0,
    weight_decay=0.02,
    label_smoothing=0.1,
    bn_momentum=0.9,
    bn_pictures=2048,
    augmentation="shift",
    evaluations=4,
)

QAT = dataclasses.replace(
    FLOAT,
    name="auto_qat",
    quantized=True,
    epochs=4,
    peak_lr=2e-4,
    warmup_epochs=0.5,
    freeze_bn=True,
    bn_pictures=0,
    calibration_pictures=512,
    evaluations=2,
)

FROM_SCRATCH = dataclasses.replace(
    FLOAT,
    name="auto_from_scratch",
    quantized=True,
    calibration_pictures=512,  # The ranges of the untrained network: a better start than tfmot's -6…6.
)
