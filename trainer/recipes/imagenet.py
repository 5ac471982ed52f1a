"""ImageNet with the packaged trainer's hyperparameters (TF-Slim's mobilenet_v1_train.py): plain SGD.

Source: mobilenet_v1_train.py: learning rate 0.045, times 0.94 every 2.5 epochs, batch 64, L2 4e-5; 1e-4 to fine-tune.
It cannot have made the published weights, whose checkpoints hold RMSProp slots and moving averages.
Expected top-1: not yet run.
Command: mobilenet run --data IMAGENET --recipe imagenet --variant 1.0_224
"""

import dataclasses

from trainer.recipe import Recipe

FLOAT = Recipe(
    name="imagenet_float",
    epochs=100,
    batch_size=64,
    optimizer="sgd",
    peak_lr=0.045,
    schedule="exponential",
    evaluations=20,
)

QAT = dataclasses.replace(
    FLOAT,
    name="imagenet_qat",
    quantized=True,
    epochs=10,
    peak_lr=1e-4,
    freeze_bn=True,
    calibration_pictures=2048,
    evaluations=5,
)

FROM_SCRATCH = dataclasses.replace(
    FLOAT,
    name="imagenet_from_scratch",
    quantized=True,
    calibration_pictures=2048,  # The ranges of the untrained network: a better start than tfmot's -6…6.
)
