"""Images, and what the cache cannot see."""

from __future__ import annotations

import re
from collections.abc import Iterator

from pipeline.checks.parsed import Parsed, Problem, Target, Task
from pipeline.compiled.compiled_file import DATA_DIGEST, IMAGE

_REFERENCE = re.compile(
    r"(?P<name>[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)*)(:(?P<tag>\w[\w.-]{0,127}))?(@(?P<digest>sha256:[0-9a-f]{64}))?"
)
_DRIVER = "file_based_example_gen.driver"  # TFX's, which fingerprints the pictures.


def images(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """Every container has one, by a name that says which."""
    for task in pipeline.containers:
        image = task.executor.container.image
        if not image or image == IMAGE:
            yield task.problem(
                f"Its image is {image!r}, the placeholder." if image else "It has no image.",
                "Give `image` in the settings file, as `make image` pushed it.",
            )
        elif not (found := _REFERENCE.fullmatch(image)):
            yield task.problem(
                f"Its image {image!r:.120} is no address of an image.",
                "Write HOST/PATH/NAME:TAG, all but the tag in lower case.",
            )
        elif _cached(task) and found["tag"] in (None, "latest") and not found["digest"]:
            yield task.problem(
                f"Its image {image} has no tag that says which one: the cache's key holds the name alone, so that a "
                "new image gets the old one's results.",
                "Push it under a tag of its own, such as the revision, or name it by digest.",
            )


def data_digest(pipeline: Parsed, target: Target) -> Iterator[Problem]:
    """Kubeflow runs no driver before the cache is looked up: what the pictures are must come as a parameter."""
    for task in pipeline.containers if target == "kubeflow" else ():
        driver = task.executor.container.lifecycle.pre_cache_check
        reads_files = any(_DRIVER in part for part in driver.command)
        if reads_files and _cached(task) and DATA_DIGEST not in task.message.inputs.parameters:
            yield task.problem(
                f"It reads files and is not given {DATA_DIGEST}: on Kubeflow changed pictures would come from cache.",
                "Write the file with `mobilenet compile`, which adds that parameter, or take its cachingOptions out.",
            )


def _cached(task: Task) -> bool:
    return task.message.caching_options.enable_cache
