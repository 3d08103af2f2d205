"""Writing a folder that is either whole or not there."""

import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from nedsvc.errors import BuildError, InvalidInput, NedError
from nedsvc.index.format import MANIFEST, FileEntry, digest, read_manifest

# A header for more values than there will be is as long as that for those that there are: numpy leaves room.
_MOST = 10**12


def write_array(path: Path, array: NDArray[Any]) -> None:
    """Save an array as `.npy`."""
    joined_array(path, [array])


def joined_array(path: Path, parts: Iterable[NDArray[Any]]) -> int:
    """Save arrays, of which there is at least one, as one `.npy`; how many values these are.

    They come one by one, so that not all of them are in memory.
    """
    arrays = iter(parts)
    first = np.ascontiguousarray(next(arrays))
    with path.open("wb") as file:
        _write_header(file, first.dtype, (_MOST, *first.shape[1:]))
        count = 0
        for array in chain([first], arrays):
            file.write(np.ascontiguousarray(array, dtype=first.dtype).data)
            count += len(array)
        file.seek(0)
        _write_header(file, first.dtype, (count, *first.shape[1:]))
    return count


def _write_header(file: BinaryIO, type_: np.dtype[Any], shape: tuple[int, ...]) -> None:
    header = {"descr": np.lib.format.dtype_to_descr(type_), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)


def file_entry(path: Path) -> FileEntry:
    """What the manifest says of a file, once it is on the disk."""
    sync(path)
    return FileEntry(path.stat().st_size, digest(path))


@contextmanager
def built_aside(out: Path, aside: Path | None = None) -> Iterator[Path]:
    """A new folder beside `out` that takes its place when the block ends well, and vanishes when it does not.

    It can be named; what an earlier process left there vanishes first.
    """
    out = Path(os.path.abspath(out))  # noqa: PTH100 (a link is to be refused, not followed)
    try:
        check_replaceable(out)
        out.parent.mkdir(parents=True, exist_ok=True)
        aside = _emptied(aside) if aside else _new_folder(out)
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


def _emptied(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _new_folder(out: Path) -> Path:
    # A name of its own: a process number is not one, as threads and containers share them.
    return Path(tempfile.mkdtemp(prefix=f"{out.name[:100]}.tmp-", dir=out.parent))


def link_files(folder: Path, aside: Path, names: Iterable[str]) -> None:
    """Let files of a folder stand in another one too."""
    for name in names:
        (aside / name).parent.mkdir(parents=True, exist_ok=True)
        os.link(folder / name, aside / name)


def check_replaceable(out: Path) -> None:
    """Refuse to replace what is not an index and nothing but an index. Raises `InvalidInput`.

    Refused too is a place that a folder cannot be moved to, or from which tries cannot be opened.
    """
    try:
        os.path.abspath(out).encode()  # noqa: PTH100 (a link is to be refused, not followed)
    except UnicodeEncodeError as error:
        raise InvalidInput("-o", f"{str(out)!r} is no text in UTF-8; choose another place") from error
    if out.is_mount():
        raise InvalidInput("-o", f"{out} is where a disk is mounted, which cannot be replaced; name a folder in it")
    if out.is_symlink() or (out.exists() and not out.is_dir()):
        raise InvalidInput("-o", f"{out} is there and is no folder; choose another place")
    if not out.is_dir():
        return
    there = {entry.name for entry in out.iterdir()}
    if there and there - _files_of_index(out):
        raise InvalidInput("-o", f"{out} is a folder that holds something other than an index; choose another place")


def _files_of_index(folder: Path) -> set[str]:
    """The files and folders that belong to the index in the folder; none where it holds no index."""
    try:
        return {MANIFEST, *(name.partition("/")[0] for name in read_manifest(folder).files)}
    except NedError:
        return set()


def put_back(out: Path, aside: Path) -> None:
    """What a process that was killed had moved out of the way of the folder `aside`: in its place again, or gone."""
    old = _old(aside)
    if not old.is_dir():
        return
    if out.exists():
        shutil.rmtree(old)
    else:
        old.rename(out)


def _old(new: Path) -> Path:
    return new.with_name(f"{new.name}.old")


def _replace(new: Path, out: Path) -> None:
    old = _old(new)
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
