"""The corpus of odd pictures through every way from a file to the network: pixels and classes. Writes pictures.md.

Command: RELEASE=runs/models/0.25_64/latest .venv/bin/pytest -m proof proof/test_pictures.py
"""

import io
import os
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from pipeline.release import pictures
from pipeline.release.pictures import Given
from proof.picture_corpus import DAMAGED, SOUND
from trainer import eval_image, picture_bytes, preprocessing, tflite
from trainer.pictures import check
from trainer.pictures.record import Preprocessing

REPORT = Path(__file__).with_name("pictures.md")
EVAL = Path(__file__).parents[1] / "data" / "sample" / "eval"
pytestmark = pytest.mark.proof

HOWS = {"recorded": Preprocessing(), "applied": Preprocessing(exif_orientation="applied")}
CLIENTS = ("SavedModel and Evaluator", "predict", "Classifier", "raw-picture signature")


def ways(content: bytes, how: Preprocessing, classifier: tflite.Classifier, files) -> dict[str, np.ndarray | None]:
    """Each client's picture of one file; the first is ingestion's own, by numpy."""
    side = classifier.resolution
    crop = {"resolution": side, "central_fraction": how.central_fraction}
    jpeg = check.normalise(content, exif_orientation=how.exif_orientation).jpeg
    classifier.preprocessing = how
    try:
        raw = files(tf.constant(content)).numpy()
    except tf.errors.InvalidArgumentError:
        raw = None
    return {
        "ingestion": eval_image.eval_image(jpeg, **crop),
        CLIENTS[0]: preprocessing.eval_image(tf.constant(jpeg), **crop).numpy(),
        CLIENTS[1]: pictures.decode([Given("x", content)], resolution=side, how=how)[0],
        CLIENTS[2]: classifier.image(content),
        CLIENTS[3]: raw,
    }


def test_every_client_sees_the_picture_that_ingestion_stores():
    classifier = tflite.Classifier(os.environ["RELEASE"])
    crop = classifier.central_fraction
    bundled = {path.name: path.read_bytes for path in sorted(EVAL.glob("*/*.jpg"))}
    corpora = {
        "corpus": {name: make() for name, make in SOUND.items()},
        "bundled": {n: r() for n, r in bundled.items()},
    }
    rows, differing = [], []
    for corpus, found in corpora.items():
        for said, how in HOWS.items():
            how = Preprocessing(central_fraction=crop, exif_orientation=how.exif_orientation)
            files = _function(how, classifier.resolution)
            off, other, refused = Counter(), Counter(), Counter()
            for name, content in found.items():
                seen = ways(content, how, classifier, files)
                wanted = seen.pop("ingestion")
                top = classifier.runner.probabilities(wanted[np.newaxis])[0].argmax()
                for client, image in seen.items():
                    if image is None:
                        refused[client] += 1
                        continue
                    levels = float(np.abs(image - wanted).max() * 127.5)
                    off[client] = max(off[client], levels)
                    is_other = classifier.runner.probabilities(image[np.newaxis])[0].argmax() != top
                    other[client] += is_other
                    if levels:
                        differing.append((corpus, said, client, name, f"{levels:.1f}", "yes" if is_other else "no"))
                    if client != CLIENTS[3]:
                        assert not levels, (name, client)
            rows += [(corpus, said, len(found), c, f"{off[c]:.1f}", other[c], refused[c]) for c in CLIENTS]
    verdicts = {name: _verdicts(make()) for name, make in DAMAGED.items()}
    assert all(ours.startswith("refused") for ours, *_ in verdicts.values())
    REPORT.write_text(_page(rows, differing, verdicts), encoding="utf-8")


def _function(how: Preprocessing, side: int):
    return tf.function(
        lambda content: picture_bytes.image(content, resolution=side, how=how),
        input_signature=[tf.TensorSpec([], tf.string)],
        autograph=False,
    )


def _verdicts(content: bytes) -> tuple[str, str, str]:
    """Ours, Pillow's and TensorFlow's of one damaged file."""

    def pillow() -> None:
        with Image.open(io.BytesIO(content)) as image:
            image.load()

    def verdict(read, *errors: type[Exception]) -> str:
        try:
            read()
        except errors as error:
            return "refused: " + " ".join(str(error).split())[:60].replace("|", "/")
        return "taken"

    return (
        verdict(lambda: check.normalise(content), ValueError),
        verdict(pillow, OSError, ValueError, SyntaxError, Image.DecompressionBombError),
        verdict(lambda: tf.io.decode_image(content, expand_animations=False), tf.errors.OpError),
    )


def _page(rows, differing, verdicts) -> str:
    def table(head, body) -> str:
        lines = [head, ["---"] * len(head), *body]
        return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines) + "\n"

    head = ("pictures", "EXIF", "number", "client", "levels off at most", "other class", "refused")
    return "\n".join((
        "# One picture in every client\n",
        "Command: `RELEASE=… .venv/bin/pytest -m proof proof/test_pictures.py`. Levels are of 0…255, after crop and "
        "resize, against what ingestion stores;\nclasses are the int8 file's of these pixels. The corpus is made by "
        "`proof/picture_corpus.py`.\n",
        table(head, rows),
        "Each that differs:\n",
        table(("pictures", "EXIF", "client", "file", "levels", "other class"), differing),
        f"Sound, and taken: {len(SOUND)}. {'; '.join(SOUND)}.\n",
        f"Damaged or made to harm, and refused: {len(verdicts)}.\n",
        table(("file", "ours", "Pillow", "TensorFlow"), [(name, *said) for name, said in verdicts.items()]),
    ))  # fmt: skip
