"""What a run has written so far, and how it becomes the output: whole, or not there.

Until a run is finished its records stand in a folder beside the output, OUTPUT.partial, with a state that says how far
they go and of what run they are. The state is replaced in one step, after what it speaks of is on the disk; what was
written beyond it when the run was stopped is cut off when it goes on.
"""

import fcntl
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import IO, Any, Protocol

import msgspec

from nedsvc.bulk.columns import Shown, answer_schema, answers_table
from nedsvc.bulk.packing import packed, packing, parquet
from nedsvc.bulk.work import Tally
from nedsvc.errors import InvalidInput, NedError
from nedsvc.index.files import sync

_DOCUMENTS_A_PART, _BYTES_A_PART = 5_000, 64_000_000
_UNLOCKED_WITHIN = 5.0  # seconds, in which the workers of a run that was killed end
_JSON = (".jsonl", ".ndjson", ".json")


class OtherRun(InvalidInput):
    """What is there is of another run than this one."""


class OutputFailed(NedError):  # noqa: N818
    """The output could not be written."""


class State(msgspec.Struct, frozen=True, kw_only=True):
    """How far a run has come.

    `run` is all that its answers depend on. `read` rows with this `digest` were read; `size` counts the bytes of the
    records (of Parquet the parts), `errors` those of the errors.
    """

    run: Mapping[str, Any]
    read: int = 0
    digest: str = ""
    size: int = 0
    errors: int = 0
    tally: Tally = Tally()


class Writer(Protocol):
    """Appends answers, given as JSON objects, to what is to become the output."""

    def write(self, answers: Sequence[bytes], *, last: bool) -> int | None:
        """Append; the size where all is on the disk by then, None where some waits for more. The `last` waits not."""

    def cut(self, size: int) -> None:
        """Forget what is beyond this size."""

    def prepare(self) -> None:
        """Do all that may fail before the output is put in its place."""

    def finish(self, output: Path) -> None:
        """Make all of it the output, in one step."""


class Partial:
    """A run that is not finished: its records, its errors, and its state."""

    def __init__(self, output: Path, shown: Shown, state: State) -> None:
        self.state = state
        self._output = output
        self._folder = _folder(output)
        self._errors = self._folder / "errors.jsonl"
        self._lock = _locked(self._folder)
        self._writer = _writer(self._folder, output.name, shown)

    def go_on(self) -> None:
        """Cut off what was written after the last state was kept."""
        with _reported(self._output):
            moved = beside(self._output, ".errors.jsonl")
            if moved.exists() and not self._errors.exists():
                moved.rename(self._errors)
            self._writer.cut(self.state.size)
            _cut(self._errors, self.state.errors)

    def discard(self) -> None:
        """Leave nothing of a run that has read nothing."""
        shutil.rmtree(self._folder)
        self._lock.close()

    def add(self, answers: Sequence[bytes], errors: Sequence[bytes], state: State, *, last: bool) -> None:
        """Append answers and errors; `state` is how far the run is then, but for the sizes."""
        with _reported(self._output):
            if errors:
                _append(self._errors, b"".join(errors))
            size = self._writer.write(answers, last=last)
            if size is not None:
                written = self._errors.stat().st_size if self._errors.exists() else 0
                self.state = msgspec.structs.replace(state, size=size, errors=written)
                _replace(self._folder / "state.json", self.state)

    def finish(self) -> None:
        """Put the errors, what tells of the run, and at last the output in their places."""
        with _reported(self._output):
            self._writer.prepare()
            if self.state.errors:
                self._errors.rename(beside(self._output, ".errors.jsonl"))
            _replace(beside(self._output, ".run.json"), self.state)
            self._writer.finish(self._output)
            sync(self._output.parent)
            shutil.rmtree(self._folder)
        self._lock.close()


def check_output(output: Path) -> None:
    """Refuses, before any work is done, an output whose format is not known. Raises `InvalidInput`."""
    suffix = Path(output.name.removesuffix(packing(output.name))).suffix.lower()
    if suffix == ".parquet" and not packing(output.name):
        parquet(str(output))
    elif suffix not in _JSON:
        raise InvalidInput(
            "-o", f"{output} has no suffix that tells its format (.jsonl, .jsonl.gz, .jsonl.zst, .parquet)"
        )
    packed(b"", packing(output.name))


def begin(output: Path, shown: Shown, run: Mapping[str, Any], *, resume: bool) -> Partial | State:
    """The run to go on with, begun afresh where nothing is there; its last state where it is finished.

    Raises `InvalidInput` where something is there and `resume` was not asked for, and `OtherRun` where it is of another
    run.
    """
    folder = _folder(output)
    if not resume:
        for there in (output, folder, beside(output, ".run.json"), beside(output, ".errors.jsonl")):
            if there.exists():
                raise InvalidInput("-o", f"{there} is there; go on with --resume, remove it, or choose another output")
    if output.exists():
        state = _state(beside(output, ".run.json"), output, run)
        shutil.rmtree(folder, ignore_errors=True)  # where it was stopped between its last two steps
        return state
    if folder.exists():
        partial = Partial(output, shown, _state(folder / "state.json", output, run))
        partial.go_on()
        return partial
    try:
        return _fresh(output, shown, State(run=run))
    except OSError as error:
        raise InvalidInput("-o", f"{output} cannot be written ({error.strerror or error})") from error


def _fresh(output: Path, shown: Shown, state: State) -> Partial:
    # The state comes with the folder in one step, so that none is ever there without the other.
    aside = beside(output, f".partial.{os.getpid()}")
    aside.mkdir(parents=True)
    _replace(aside / "state.json", state)
    aside.rename(_folder(output))
    return Partial(output, shown, state)


def beside(output: Path, suffix: str) -> Path:
    """The file that stands beside the output, named after it."""
    return output.with_name(output.name + suffix)


def _folder(output: Path) -> Path:
    return beside(output, ".partial")


def _state(path: Path, output: Path, run: Mapping[str, Any]) -> State:
    """The state that is kept there, of the same run."""
    try:
        state = msgspec.json.decode(path.read_bytes(), type=State)
    except FileNotFoundError as error:
        raise OtherRun(
            "-o", f"{output} is there, and no {path.name} tells of what run; choose another output"
        ) from error
    except (OSError, msgspec.DecodeError) as error:
        raise OtherRun("-o", f"{path} is damaged ({error}); remove it and begin anew") from error
    before = _flat(state.run)
    for name, value in _flat(run).items():
        if before.get(name) != value:
            begun = f"{output} was begun with {name} {before.get(name)!r}"
            raise OtherRun("--resume", f"{begun}, and not {value!r}: give the same, or choose another output")
    return state


class _JsonLines:
    """Answers a line, in members of a packing where there is one."""

    def __init__(self, path: Path, packing_: str) -> None:
        self._path = path
        self._packing = packing_
        self._size = path.stat().st_size if path.exists() else 0

    def write(self, answers: Sequence[bytes], *, last: bool) -> int:  # noqa: ARG002
        data = packed(b"".join(answer + b"\n" for answer in answers), self._packing) if answers else b""
        _append(self._path, data)
        self._size += len(data)
        return self._size

    def cut(self, size: int) -> None:
        _cut(self._path, size)
        self._size = size

    def prepare(self) -> None:
        self._path.touch()

    def finish(self, output: Path) -> None:
        self._path.rename(output)


class _Parquet:
    """Answers in parts of some thousand, which become the row groups of one file."""

    def __init__(self, folder: Path, shown: Shown) -> None:
        self._folder = folder
        self._shown = shown
        self._parts = len(self._files())
        self._waiting: list[bytes] = []
        self._bytes = 0

    def write(self, answers: Sequence[bytes], *, last: bool) -> int | None:
        self._waiting += answers
        self._bytes += sum(map(len, answers))
        if len(self._waiting) < _DOCUMENTS_A_PART and self._bytes < _BYTES_A_PART and not last:
            return None
        if self._waiting:
            self._write_part()
        return self._parts

    def cut(self, size: int) -> None:
        parts = self._files()
        if len(parts) < size:
            raise _damaged(self._folder)
        for path in parts[size:]:
            path.unlink()
        self._parts = size

    def prepare(self) -> None:
        reader = parquet("Parquet")
        whole = self._folder / "whole"
        with reader.ParquetWriter(whole, answer_schema(self._shown), compression="zstd") as file:
            for path in self._files():
                file.write_table(reader.read_table(path))
        sync(whole)

    def finish(self, output: Path) -> None:
        (self._folder / "whole").rename(output)

    def _write_part(self) -> None:
        path = self._folder / f"part-{self._parts:06}.parquet"
        aside = path.with_suffix(".aside")
        parquet(str(path)).write_table(answers_table(self._waiting, self._shown), aside, compression="zstd")
        sync(aside)
        aside.rename(path)
        self._parts += 1
        self._waiting, self._bytes = [], 0

    def _files(self) -> list[Path]:
        return sorted(self._folder.glob("part-*.parquet"))


def _flat(run: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of a run by their own names."""
    found: dict[str, Any] = {}
    for name, value in run.items():
        found |= _flat(value) if isinstance(value, dict) else {name: value}
    return found


def _locked(folder: Path) -> IO[bytes]:
    """A lock on the run until it is closed or its processes end. Raises `InvalidInput` where another one has it."""
    file = (folder / "lock").open("ab")
    end = monotonic() + _UNLOCKED_WITHIN
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            if monotonic() > end:
                file.close()
                raise InvalidInput("-o", f"another run is writing {folder}; wait for its end") from error
            sleep(0.1)
        else:
            return file


def _writer(folder: Path, name: str, shown: Shown) -> Writer:
    return (
        _Parquet(folder, shown) if name.lower().endswith(".parquet") else _JsonLines(folder / "records", packing(name))
    )


@contextmanager
def _reported(output: Path) -> Iterator[None]:
    """Says what could not be written, and that nothing is lost."""
    try:
        yield
    except OSError as error:
        raise OutputFailed(
            f"{output} cannot be written ({error.strerror or error}): what stands in {_folder(output).name} is whole; "
            "make room, then go on with --resume"
        ) from error


def _cut(path: Path, size: int) -> None:
    """Forget what stands in a file beyond this size. Raises `OtherRun` where less stands there."""
    there = path.stat().st_size if path.exists() else 0
    if there < size:
        raise _damaged(path)
    if there > size:
        os.truncate(path, size)


def _damaged(path: Path) -> OtherRun:
    return OtherRun("-o", f"{path} holds less than its state says; remove its folder and begin anew")


def _append(path: Path, data: bytes) -> None:
    with path.open("ab", buffering=0) as file:
        view = memoryview(data)
        while view:
            view = view[file.write(view) :]
        os.fsync(file.fileno())


def _replace(path: Path, state: State) -> None:
    aside = path.with_name(f"{path.name}.aside")
    aside.write_bytes(msgspec.json.encode(state))
    sync(aside)
    aside.replace(path)
    sync(path.parent)
