"""The bundled pictures (2,000 + 500 of Fashion-MNIST), for `make run`: minutes on a laptop.

Source: own. Expected top-1: see README.md's table.
Command: mobilenet run --recipe sample --variant 0.25_64
"""

import dataclasses

from trainer.recipe import Recipe

FLOAT = Recipe(
    name="sample_float",
    epochs=30,
    batch_size=64,
    optimizer="adamw",
    peak_lr=4e-3,
    schedule="cosine",
    warmup_epochs=2,
    l2=0.0,
    weight_decay=0.02,
    label_smoothing=0.1,
    bn_momentum=0.9,  # 31 steps an epoch: the reference's 0.9997 would never forget its start.
    augmentation="shift",
    central_fraction=1.0,  # The garments fill the picture.
    evaluations=3,
)

QAT = dataclasses.replace(
    FLOAT,
    name="sample_qat",
    quantized=True,
    epochs=4,
    peak_lr=2e-4,
    warmup_epochs=0.5,
    freeze_bn=True,
    calibration_pictures=512,
    evaluations=2,
)

FROM_SCRATCH = dataclasses.replace(
    FLOAT,
    name="sample_from_scratch",
    quantized=True,
    calibration_pictures=512,  # The ranges of the untrained network: a better start than tfmot's -6…6.
)
