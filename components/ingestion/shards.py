"""Which picture goes into which shard, and the writing of one shard, whole or not at all.

A picture's shard and its place in it come from a hash of its name alone, so the same input gives the same bytes however
many workers there are, and the order within a shard is as good as shuffled (training shuffles with a buffer only).
Plan and workers speak through files in the staging folder: for each shard a plan (what goes in) and a result (what went
in). A Beam element is then one path, whatever the number of pictures.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

from components.containers import tfrecord
from components.data_error import DataError
from components.ingestion import duplicates, example_writer
from components.ingestion.rules import Rules
from components.sources.source import Category, Entry, Source, identity
from trainer import outside_file
from trainer.pictures.check import Picture, Refused, normalise
from trainer.pictures.exif import UPRIGHT, upright_box

NAMED = 1000  # So many converted and refused files are named; the counts are always exact.
_BUFFER = 1_000_000  # Bytes, so that a shard of small pictures is written in large pieces.
_MAX_BYTES = 256_000_000  # Of one file: the largest sane JPEG of 64 megapixels is far under it.


def plan(source: Source, staging: Path, *, pictures_per_shard: int) -> list[str]:
    """Deals the pictures out to shards; returns the paths of the plan files, one a shard."""
    plans = []
    for folder in ("plan", "result"):
        (staging / folder).mkdir()
    for split, entries in source.splits.items():
        (staging / f"Split-{split}").mkdir()
        dealt = deal(entries, shards=max(1, -(-len(entries) // pictures_per_shard)))
        for index, chosen in enumerate(dealt):
            name = f"Split-{split}/data_tfrecord-{index:05d}-of-{len(dealt):05d}"
            plans.append(_write_plan(staging, name, chosen, source.categories))
    return plans


def deal(entries: Sequence[Entry], *, shards: int) -> list[list[Entry]]:
    """The entries of each shard in the order they are written: by the hash of `<class>/<file>`, then by that name."""
    keyed = sorted((_hash(entry.name), entry) for entry in entries)
    dealt: list[list[Entry]] = [[] for _ in range(shards)]
    for digest, entry in keyed:
        dealt[int.from_bytes(digest[-8:], "big") % shards].append(entry)
    return dealt


def _hash(name: str) -> bytes:
    return hashlib.sha256(identity(name).encode("utf-8", "surrogateescape")).digest()


def _write_plan(staging: Path, name: str, entries: list[Entry], categories: Sequence[Category]) -> str:
    used = sorted({entry.label for entry in entries})
    content = {
        "staging": str(staging),
        "shard": name,
        "categories": {str(label): categories[label - 1] for label in used},
        "pictures": entries,
    }
    path = staging / "plan" / f"{name.replace('/', '-')}.json"
    path.write_text(json.dumps(content))
    return str(path)


def write_shard(plan_path: str, rules: Rules) -> None:
    """Reads, checks and writes the pictures of one plan file; then its result file, the mark that the shard is whole.

    Raises:
        DataError: the shard could not be written; a copy of the message lies in the staging folder as `error`, since
            Beam's runners hand on the text of an exception but not its type.
    """
    task = json.loads(Path(plan_path).read_text())
    staging, shard = Path(task["staging"]), staging_path(task)
    beside = shard.with_name(f".{shard.name}.{os.getpid()}")
    try:
        with beside.open("wb", buffering=_BUFFER) as out:
            result, seen = _write_records(out, task, rules)
        result_path = staging / "result" / Path(plan_path).name
        duplicates.write(seen, contents_path(result_path))
        _write_whole(result_path.with_name(f".{result_path.name}"), result_path, json.dumps(result))
        os.replace(beside, shard)
    except OSError as error:
        beside.unlink(missing_ok=True)  # First of all: it gives the space back that the message needs.
        problem = _cannot_write(error, shard)
        _leave_message(staging, str(problem))
        raise problem from error


def contents_path(result: Path) -> Path:
    """Beside a shard's result file: what duplicates.py leaves of its pictures."""
    return result.with_suffix(".contents")


def staging_path(task: dict[str, Any]) -> Path:
    """Where a task's shard is written."""
    return Path(task["staging"]) / task["shard"]


def _write_records(out: BinaryIO, task: dict[str, Any], rules: Rules) -> tuple[dict[str, Any], list[duplicates.Seen]]:
    """Writes every picture that is one; returns counts and names for the report, and what each picture holds."""
    counts, digest, size = Counter(), hashlib.sha256(), 0
    per_class, named, seen = Counter(), {"converted": [], "refused": []}, []
    for place, entry in enumerate(Entry(*fields) for fields in task["pictures"]):
        category = Category(*task["categories"][str(entry.label)])
        try:
            data = _read(entry)
            picture = _normalise(data, rules)
            boxes = [upright_box(box, picture.turned) for box in entry.boxes]
            parts = example_writer.parts(
                picture, label=entry.label, category=category, filename=_basename(entry.name), boxes=boxes
            )
        except Refused as refused:
            _note(counts, named, "refused", entry.name, str(refused))
            continue
        frame = tfrecord.framed(parts)
        out.writelines(frame)
        content = hashlib.sha256(data).digest()
        digest.update(_digest_of(frame, parts, content if picture.jpeg is data else None))
        size += sum(map(len, frame))
        seen.append(duplicates.Seen(content, place, entry.label))
        per_class[category.name] += 1
        _count(counts, named, entry.name, picture)
    return {"sha256": digest.hexdigest(), "bytes": size, "counts": counts, "per_class": per_class, **named}, seen


def _normalise(data: bytes, rules: Rules) -> Picture:
    """Whatever goes wrong here is the picture's doing, and never the disk's."""
    try:
        return normalise(
            data,
            max_pixels=rules.max_pixels,
            exif_orientation=rules.exif_orientation,
            decode_check=rules.decode_check,
        )
    except (OSError, MemoryError, ArithmeticError, LookupError) as error:
        raise Refused(f"cannot be decoded: {error or type(error).__name__}") from error


def _digest_of(frame: list[bytes], parts: Sequence[bytes], content: bytes | None) -> bytes:
    """A record's bytes with the SHA-256 of its JPEG in place of it, which is known already where that is the file."""
    _, jpeg, _ = parts
    return b"".join(
        (hashlib.sha256(jpeg).digest() if content is None else content) if part is jpeg else part for part in frame
    )


def _read(entry: Entry) -> bytes:
    try:
        with outside_file.opened(entry.path) as (file, whole):
            size = whole if entry.size is None else entry.size
            if size > _MAX_BYTES:
                raise Refused(f"absurd size: {size:,} bytes; at most {_MAX_BYTES:,}")
            if entry.before:
                return _of_record(file, entry, size)
            file.seek(entry.offset)
            data = file.read(size)
    except outside_file.OutsideFileError as error:
        raise Refused("not a file") from error
    except OSError as error:
        raise Refused(f"cannot be read: {error.strerror}") from error
    if entry.size is not None and len(data) < size:  # It was there when the headers were read.
        raise Refused("cannot be read: the archive ends before it")
    return data


def _of_record(file: BinaryIO, entry: Entry, size: int) -> bytes:
    """A picture in a TFRecord, of which only now all is read that its checksum is of."""
    file.seek(entry.offset - entry.before)
    record = file.read(entry.before + size + entry.after + tfrecord.FOOT)
    data, crc = record[: -tfrecord.FOOT], record[-tfrecord.FOOT :]
    if tfrecord.masked_crc(data) != crc:
        raise Refused("damaged record: its checksum is wrong")
    return data[entry.before : entry.before + size]


def _basename(name: str) -> str:
    file = name.rpartition("/")[2]
    try:
        file.encode()
    except UnicodeEncodeError as error:
        raise Refused("the file's name is not UTF-8") from error
    return file


def _count(counts: Counter, named: dict[str, list], name: str, picture: Picture) -> None:
    counts["pictures"] += 1
    counts["grey"] += picture.grey
    counts["oriented"] += picture.orientation != UPRIGHT
    if picture.converted is None:
        counts["taken"] += 1
    else:
        _note(counts, named, "converted", name, picture.converted)


def _note(counts: Counter, named: dict[str, list], what: str, name: str, reason: str) -> None:
    counts[what] += 1
    counts[f"{what}: {reason.partition(':')[0]}"] += 1
    if len(named[what]) < NAMED:
        named[what].append({"name": name.encode("utf-8", "backslashreplace").decode(), "reason": reason})


def _write_whole(beside: Path, path: Path, text: str) -> None:
    beside.write_text(text)
    os.replace(beside, path)


def _cannot_write(error: OSError, shard: Path) -> DataError:
    free = shutil.disk_usage(shard.parent).free if shard.parent.exists() else 0
    return DataError(
        f"Cannot write {shard.name} in {shard.parent.parent.parent}: {error.strerror or error} "
        f"({free / 1e6:,.1f} MB free). The shards need as much room as the pictures. "
        "Free some space or give another folder with --workdir or --output; nothing of this ingestion is kept."
    )


def _leave_message(staging: Path, message: str) -> None:
    with contextlib.suppress(OSError):  # Then the caller has to do with the text that Beam handed on.
        (staging / "error").write_text(message)
