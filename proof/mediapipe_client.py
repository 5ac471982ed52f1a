"""MediaPipe Tasks' ImageClassifier on prepared pictures; runs in an environment of its own, where nothing of ours is.

Command: python mediapipe_client.py FILE.tflite PICTURES.npy → JSON: of each picture [index, label, score], best first.
"""

import json
import sys

import mediapipe
import numpy as np
from mediapipe.tasks import python as tasks
from mediapipe.tasks.python import vision


def main(file: str, pictures: str) -> None:
    options = vision.ImageClassifierOptions(base_options=tasks.BaseOptions(model_asset_path=file), max_results=-1)
    answers = []
    with vision.ImageClassifier.create_from_options(options) as classifier:
        for pixels in np.load(pictures):
            picture = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=pixels)
            categories = classifier.classify(picture).classifications[0].categories
            answers.append([[each.index, each.category_name, each.score] for each in categories])
    print(json.dumps({"version": mediapipe.__version__, "answers": answers}))


if __name__ == "__main__":
    main(*sys.argv[1:])
