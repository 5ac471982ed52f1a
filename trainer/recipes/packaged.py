"""TF-Slim's packaged trainer, mobilenet_v1_train.py (tensorflow/models, research/slim/nets), as it stands there.

What its code does: plain SGD without momentum; learning rate 0.045, or 1e-4 where it fine-tunes; times 0.94 in steps
of 2.5 epochs, for which it takes ImageNet for 1,271,167 pictures where there are 1,281,167, so every 49,654 steps and
not every 50,045; batch 64; L2 4e-5; batch norm's momentum 0.9997; no label smoothing, no moving average of the weights;
box, flip and colours as inception_preprocessing.py, fast. It never ends (number_of_steps is None): the epochs are ours.
Its quantization: at once where it fine-tunes, after 250,000 steps from scratch; ranges from [0, 6] on; batch norm is
trained on. Ours has a scale per channel and follows ranges at 0.99 and not at 0.999: see ARCHITECTURE.md.

What the published weights show: it cannot have made them. Their checkpoints hold two slots for each weight (RMSProp
with momentum) and a moving average of every variable: `released` has those.

Expected top-1: not yet run. Cost: not measured.
Command: mobilenet run --data IMAGENET --recipe packaged --variant 1.0_224
"""

import dataclasses

from trainer.recipe import Recipe

FLOAT = Recipe(
    name="packaged_float",
    epochs=100,
    batch_size=64,
    optimizer="sgd",
    peak_lr=0.045,
    schedule="exponential",
    decay_rate=0.94,
    decay_epochs=2.5 * 1_271_167 / 1_281_167,  # The packaged trainer's typo, on ImageNet as it is.
    l2=4e-5,
    bn_momentum=0.9997,
    evaluations=20,
)

QAT = dataclasses.replace(
    FLOAT,
    name="packaged_qat",
    quantized=True,
    epochs=10,
    peak_lr=1e-4,
    evaluations=5,
)

FROM_SCRATCH = dataclasses.replace(
    FLOAT,
    name="packaged_from_scratch",
    quantized=True,
    quant_delay=250_000,
)
