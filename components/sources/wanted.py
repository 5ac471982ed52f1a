"""What is wanted of a source of pictures. A new choice is declared here and nowhere else.

The fields are options of `run` and `ingest`, settings, parameters of a compiled file and of ImageNetExampleGen. Values
are plain, as a component's parameters are; an empty one says nothing (None is what an empty line of YAML gives).
"""

import dataclasses
import os
from typing import Literal, get_args

from components.options import option

AUTO = "auto"
Kind = Literal["auto", "folders", "tars", "ilsvrc", "slim", "tfds", "kaggle", "parquet", "webdataset", "manifest"]
PATHS = ("ground_truth", "boxes", "follow_links")  # Which of the fields name files, that nodes must see.


@dataclasses.dataclass(frozen=True)
class Wanted:
    """What is to be taken from a folder, and what belongs to it."""

    source: Kind = option(
        AUTO,
        "what lies in the data's folder: class folders; train.tar and val.tar of them; ILSVRC2012's own tars; "
        "TFRecords of TF-Slim or TFDS; Kaggle's CLS-LOC; Hugging Face's Parquet files; WebDataset's tars; or a CSV or "
        "JSON Lines manifest of path, label and split; auto looks",
        metavar="|".join(get_args(Kind)),
    )
    ground_truth: str | None = option(
        "",
        "the labels of ILSVRC2012's validation pictures: wnids, one a line, or the development kit",
        metavar="LIST|KIT",
        absent="beside the tars",
        strict=True,
    )
    boxes: str | None = option(
        "",
        "bounding boxes: a tar of XML files, or TF-Slim's CSV",
        metavar="TAR|CSV",
        absent="beside the data",
        strict=True,
    )
    classes: str = option(
        "",
        "the classes to take: names with commas between them or as a JSON list, @FILE of these, or N for the first N",
        metavar="NAMES|@FILE|N",
        absent="all",
        strict=True,
    )
    holdout: float = option(
        0.0,
        "the fraction of the training pictures to hold out for evaluation, as eval, or as minival where there is an "
        "eval",
        metavar="SHARE",
        strict=True,
        ge=0,
        lt=1,
    )

    follow_links: str = option(
        "",
        "the folder into which links among class folders may lead besides the data's own, such as a cache; several "
        f"with {os.pathsep} between them",
        metavar="DIR",
        absent="none",
        strict=True,
    )

    @property
    def link_roots(self) -> list[str]:
        """The folders of follow_links."""
        return [folder for folder in self.follow_links.split(os.pathsep) if folder]

    def absolute(self) -> "Wanted":
        """With paths that do not depend on where a process runs; addresses of buckets are absolute."""
        given = {name: path for name in PATHS if (path := getattr(self, name)) and "://" not in path}
        paths = {name: os.path.abspath(path) for name, path in given.items() if name != "follow_links"}
        links = os.pathsep.join(map(os.path.abspath, self.link_roots))
        return dataclasses.replace(self, **paths, follow_links=links)


ALL = Wanted()
