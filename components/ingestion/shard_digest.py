"""The digest of examples as they lie now: what ingestion recorded while it wrote them, computed from the shards."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from components.containers import tf_example, tfrecord
from trainer.imagenet import ENCODED

_PIECE = 1 << 20  # Bytes of a picture that are read at a time.


def of_examples(examples: Path, splits: Iterable[str]) -> str:
    """Over the shards' own digests in order, split by split, as ingestion_report.json has it.

    Raises:
      DataError: a shard is damaged, or holds something else than Examples with a picture.
      OSError: a split's folder cannot be listed.
    """
    shards = (shard for split in splits for shard in sorted((examples / f"Split-{split}").iterdir()))
    return hashlib.sha256(b"".join(map(_of_shard, shards))).hexdigest()


def _of_shard(path: Path) -> bytes:
    """Of the file's bytes, with the SHA-256 of each JPEG in place of it."""
    digest = hashlib.sha256()
    with tfrecord.opened(str(path)) as file:
        for frame in file.frames():
            picture = tf_example.parts(file, frame, picture=ENCODED, wanted=())
            begin, end = frame.start - tfrecord.HEAD, frame.end + tfrecord.FOOT
            digest.update(file.read(begin, picture.offset - begin))
            digest.update(_sha256(file, picture.offset, picture.size))
            behind = picture.offset + picture.size
            digest.update(file.read(behind, end - behind))
    return digest.digest()


def _sha256(file: tfrecord.RecordFile, at: int, size: int) -> bytes:
    sha = hashlib.sha256()
    for place in range(at, at + size, _PIECE):
        sha.update(file.read(place, min(_PIECE, at + size - place)))
    return sha.digest()
