"""Class folders as the archives of others, each written by its format's own library; runs where these are installed.

proof/test_layouts.py makes the environment and calls it: layouts_client.py FOLDERS OUT
"""

import json
import sys
from pathlib import Path

import datasets
import webdataset
from datasets.table import embed_table_storage


def main(folders: Path, out: Path) -> None:
    splits = {"train": folders / "train", "validation": folders / "eval"}
    loaded = datasets.load_dataset("imagefolder", data_dir=str(folders), cache_dir=str(out / "cache"))
    (out / "parquet" / "data").mkdir(parents=True)
    for split, found in loaded.items():
        embedded = found.with_format("arrow").map(embed_table_storage, batched=True)  # As push_to_hub does.
        embedded.to_parquet(str(out / "parquet" / "data" / f"{split}-00000-of-00001.parquet"))
    (out / "webdataset").mkdir()
    for split, folder in splits.items():
        with webdataset.ShardWriter(
            str(out / "webdataset" / f"small-{split}-%06d.tar"), maxcount=13, verbose=0
        ) as writer:
            for path in sorted(folder.glob("*/*")):
                about = {"label": path.parent.name, "filename": path.name}
                writer.write({"__key__": path.stem, "jpg": path.read_bytes(), "json": json.dumps(about).encode()})
    versions = {module.__name__: module.__version__ for module in (datasets, webdataset)}
    print(json.dumps(versions))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
