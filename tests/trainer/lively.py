"""An untrained network whose batch norms do something, so that folding them wrongly shows."""

import numpy as np

from trainer.keras import keras


def stir(model: keras.Model) -> keras.Model:
    """Batch norms that do something; some gammas are negative."""
    random = np.random.default_rng(7)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            shape = layer.gamma.shape
            sign = np.where(random.random(shape) < 0.3, -1, 1)
            layer.set_weights([
                sign * random.uniform(0.5, 2, shape),
                random.normal(0.5, 0.5, shape),
                random.normal(0, 0.1, shape),
                random.uniform(0.05, 0.2, shape),
            ])  # fmt: skip
    return model
