"""The one place that chooses Keras: tf_keras (Keras 2), because tfmot refuses Keras 3 models."""

import tf_keras as keras

__all__ = ["keras"]
