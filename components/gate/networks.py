"""The networks that the gate asks, each loaded once however many questions there are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from trainer import export
from trainer.keras import keras


class Networks:
    """The models of a run by their serving folders, which must not change meanwhile."""

    def __init__(self) -> None:
        self._built: dict[tuple[float, int, int], keras.Model] = {}
        self._served: dict[Path, Any] = {}

    def unrounded(self, serving_dir: Path) -> tuple[keras.Model, export.Description]:
        """The float network with the model's weights, until the next call: models of a variant share it.

        Raises:
          OSError, ValueError: its files cannot be read.
        """
        described = export.read_description(str(serving_dir))
        shape = (described.width, described.resolution, described.classes)
        if shape not in self._built:
            self._built[shape] = export.build_unrounded(described)
        export.load_unrounded_weights(self._built[shape], str(serving_dir))
        return self._built[shape], described

    def served(self, serving_dir: Path, images: np.ndarray, output: str) -> np.ndarray:
        """What the SavedModel answers to pictures, float32 [n, R, R, 3] in [-1, 1]: `logits` or `probabilities`."""
        if serving_dir not in self._served:  # A signature's variables live as long as the model does.
            self._served[serving_dir] = tf.saved_model.load(str(serving_dir))
        answers = self._served[serving_dir].signatures["serving_image"](images=tf.constant(images))
        return answers[output].numpy()
