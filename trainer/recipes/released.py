"""The way the published weights must have been made: TF-Slim's generic trainer, train_image_classifier.py.

What the published weights show: the checkpoint of 1.0_224 is, to 16 bytes, every variable, a moving average of each
(batch norm's statistics included), two slots for each weight, and the step: RMSProp with momentum, and averages.

What the generic trainer's code does if told nothing: RMSProp with rho 0.9, momentum 0.9 and an epsilon of 1.0 under the
root; L2 4e-5; learning rate 0.01, times 0.94 every 2 epochs; batch 32; no label smoothing, no moving averages. So the
averages were asked for, and the rest of what was asked for is not on record.

What is taken here: what the one published command over that trainer asks for (TensorFlow Lite Micro's person
detection, 0.25_96): learning rate 0.045, times 0.98 every 2.5 epochs, batch 96, label smoothing 0.1, averages of
0.9999. The colours are of the earlier inception_preprocessing.py, of the weights' time. Epochs, and all of the
quantized recipes but the optimizer, are ours: none of that is on record either.

Expected top-1: not yet run (published for 1.0_224: 70.9 float, 70.1 int8). Cost: not measured.
Command: mobilenet run --data IMAGENET --recipe released --variant 1.0_224
"""

import dataclasses

from trainer.recipe import Recipe

FLOAT = Recipe(
    name="released_float",
    epochs=100,
    batch_size=96,
    optimizer="rmsprop",
    rmsprop_rho=0.9,
    momentum=0.9,
    epsilon=1.0,
    peak_lr=0.045,
    schedule="exponential",
    decay_rate=0.98,
    decay_epochs=2.5,
    l2=4e-5,
    label_smoothing=0.1,
    bn_momentum=0.9997,
    ema_decay=0.9999,
    color="fast",
    evaluations=20,
)

QAT = dataclasses.replace(
    FLOAT,
    name="released_qat",
    quantized=True,
    epochs=10,
    peak_lr=1e-4,
    freeze_bn=True,
    calibration_pictures=2048,
    evaluations=5,
)

FROM_SCRATCH = dataclasses.replace(
    FLOAT,
    name="released_from_scratch",
    quantized=True,
    quant_delay=250_000,  # The packaged trainer's.
)
