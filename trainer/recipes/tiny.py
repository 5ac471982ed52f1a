"""The smallest run that still learns something, for the end-to-end tests: 0.25_32 on a part of the bundled pictures.

Source: own. Expected top-1: far above chance, no more. Command: mobilenet run --recipe tiny --variant 0.25_32
"""

import dataclasses

from trainer.recipes import sample

FLOAT = dataclasses.replace(
    sample.FLOAT,
    name="tiny_float",
    epochs=8,
    warmup_epochs=1,
    batch_size=32,
    dropout=0.0,  # So that a killed and resumed run gives the same weights to the last bit.
    evaluations=1,
)
QAT = dataclasses.replace(
    sample.QAT,
    name="tiny_qat",
    epochs=2,
    warmup_epochs=0,
    batch_size=32,
    dropout=0.0,
    calibration_pictures=128,
    evaluations=1,
)
FROM_SCRATCH = dataclasses.replace(FLOAT, name="tiny_from_scratch", quantized=True, calibration_pictures=128)
