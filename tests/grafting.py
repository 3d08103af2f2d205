"""Indexes that are given what a wiki's links say of their names, as `nedsvc index build --anchors` would."""

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec
import numpy as np

from nedsvc.anchors import AnchorText
from nedsvc.index.files import file_entry, write_array
from nedsvc.index.format import content_id, read_manifest, write_manifest
from nedsvc.index.reader import Index


def graft(index: Path, out: Path, texts: Iterable[AnchorText], numbers: Mapping[str, int]) -> Path:
    """A copy of the index that has the texts; `numbers` are those of the entities which the titles' pages are about."""
    shutil.copytree(index, out)
    opened = Index.open(index)
    keys = opened.key_shapes.size
    linked, unlinked = np.zeros(keys, dtype=np.uint32), np.zeros(keys, dtype=np.uint32)
    start = np.load(index / "posting_start.npy")
    rows = np.load(index / "posting_rows.npy")
    meant = np.zeros(rows.size, dtype=np.uint32)
    for text in texts:
        key = opened.names.get(text.key)
        if key is None:
            continue
        linked[key], unlinked[key] = text.linked, text.unlinked
        part = slice(int(start[key]), int(start[key + 1]))
        counts = {numbers[title]: count for title, count in text.targets if title in numbers}
        meant[part] = [counts.get(int(number), 0) for number in opened.numbers[rows[part]]]
    manifest = read_manifest(out)
    arrays = {"posting_anchors.npy": meant, "key_linked.npy": linked, "key_unlinked.npy": unlinked}
    for name, array in arrays.items():
        write_array(out / name, array)
    files = manifest.files | {name: file_entry(out / name) for name in arrays}
    id_ = content_id(manifest.options.name, files)
    write_manifest(out, msgspec.structs.replace(manifest, files=files, content_id=id_))
    return out
