"""All of Fashion-MNIST (60,000 + 10,000 pictures), width 0.25 at 64 pixels.

Source: own. Expected top-1: see proof/fashion_mnist.md.
Command: mobilenet run --data data/fashion-mnist --recipe fashion_mnist --variant 0.25_64
"""

import dataclasses

from trainer.recipe import Recipe

FLOAT = Recipe(
    name="fashion_mnist_float",
    epochs=20,
    batch_size=128,
    optimizer="adamw",
    peak_lr=4e-3,
    schedule="cosine",
    warmup_epochs=1,
    l2=0.0,
    weight_decay=0.02,
    label_smoothing=0.1,
    bn_momentum=0.99,
    augmentation="shift",
    central_fraction=1.0,
    evaluations=4,
)

QAT = dataclasses.replace(
    FLOAT,
    name="fashion_mnist_qat",
    quantized=True,
    epochs=3,
    peak_lr=2e-4,
    warmup_epochs=0.2,
    freeze_bn=True,
    calibration_pictures=1024,
    evaluations=1,
)

FROM_SCRATCH = dataclasses.replace(
    FLOAT,
    name="fashion_mnist_from_scratch",
    quantized=True,
    calibration_pictures=1024,  # The ranges of the untrained network: a better start than tfmot's -6…6.
)
