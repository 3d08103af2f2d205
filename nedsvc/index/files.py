"""Writing a folder that is either whole or not there."""

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nedsvc.errors import BuildError, InvalidInput, NedError
from nedsvc.index.format import MANIFEST, FileEntry, read_manifest


class HashedFile:
    """A file that is hashed while it is written and is on the disk when it is closed."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, data: Any) -> None:
        """Append bytes, or anything that gives its bytes away."""
        self._hash.update(data)
        self.size += memoryview(data).nbytes
        self._file.write(data)

    def close(self) -> FileEntry:
        """Flush to the disk; what the manifest says of the file."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        return FileEntry(self.size, self._hash.hexdigest())

    def __enter__(self) -> "HashedFile":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def write_array(path: Path, array: NDArray[Any]) -> FileEntry:
    """Save an array as `.npy`."""
    array = np.ascontiguousarray(array)
    with HashedFile(path) as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(array))
        file.write(array.data)
        return file.close()


def write_bytes(path: Path, data: bytes) -> FileEntry:
    """Save bytes."""
    with HashedFile(path) as file:
        file.write(data)
        return file.close()


@contextmanager
def built_aside(out: Path) -> Iterator[Path]:
    """A new folder beside `out` that takes its place when the block ends well, and vanishes when it does not."""
    out = Path(os.path.abspath(out))  # noqa: PTH100 (a link is to be refused, not followed)
    try:
        check_replaceable(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        # A name of its own: a process number is not one, as threads and containers share them.
        aside = Path(tempfile.mkdtemp(prefix=f"{out.name[:100]}.tmp-", dir=out.parent))
    except OSError as error:
        raise BuildError(f"{out} could not be written: {error.strerror or error}. Nothing was left of it.") from error
    try:
        aside.chmod(0o755)
        yield aside
        sync(aside)
        _replace(aside, out)
        sync(out.parent)
    except OSError as error:
        raise BuildError(f"{out} could not be written: {error.strerror or error}. Nothing was left of it.") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def check_replaceable(out: Path) -> None:
    """Refuse to replace what is not an index and nothing but an index. Raises `InvalidInput`."""
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise InvalidInput("-o", f"{out} is there and is no folder; choose another place")
    if not out.is_dir():
        return
    there = {entry.name for entry in out.iterdir()}
    if there and there - _files_of_index(out):
        raise InvalidInput("-o", f"{out} is a folder that holds something other than an index; choose another place")


def _files_of_index(folder: Path) -> set[str]:
    """The files that belong to the index in the folder; none where it holds no index."""
    try:
        return {MANIFEST, *read_manifest(folder).files}
    except NedError:
        return set()


def _replace(new: Path, out: Path) -> None:
    old = new.with_name(f"{new.name}.old")
    if out.exists():
        out.rename(old)
    try:
        new.rename(out)
    except BaseException:
        if old.exists():
            old.rename(out)
        raise
    shutil.rmtree(old, ignore_errors=True)


def sync(path: Path) -> None:
    """Put a file, or what a folder says of its files, on the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
