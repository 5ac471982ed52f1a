"""What `run`, `ingest` and `evaluate` say of the data's options, beside what their fields say of themselves."""

from __future__ import annotations

from pipeline import node_ids

FOLDER_HELP = (
    "Folder with train/CLASS/*.jpg and eval/CLASS/*.jpg, with tars or with TFRecords. "
    "With {SPAN} and {VERSION} in it: the newest."
)
FROM_HELP = (
    f"Run this node and all behind it again: {', '.join(node_ids.SHARED)}; with a variant behind "
    f"it, as in {node_ids.FLOAT}-w025-r64: {', '.join((node_ids.FLOAT, *node_ids.AFTER_FLOAT))}; {node_ids.ZOO}."
)
PANEL = "Data"
