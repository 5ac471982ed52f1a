"""TensorFlow Hub's loader on a release's SavedModel; in an environment of its own, as TFX 1.16's does not import.

Command: python hub_client.py SAVED_MODEL PICTURES.npy OUT.npy → the probabilities of float pictures in [-1, 1].
"""

import sys

import numpy as np
import tensorflow as tf
import tensorflow_hub as hub


def main(folder: str, pictures: str, out: str) -> None:
    signature = hub.load(folder).signatures["serving_image"]
    np.save(out, signature(images=tf.constant(np.load(pictures)))["probabilities"].numpy())
    print(f'{{"version": "{hub.__version__}"}}')


if __name__ == "__main__":
    main(*sys.argv[1:])
