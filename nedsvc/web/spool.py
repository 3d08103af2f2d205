"""Bytes on their way from a thread that receives them to one that reads lines.

They stand in memory, and in a file where they are many: so whoever sends never waits for what becomes of them.
"""

from errno import ECONNRESET
from tempfile import SpooledTemporaryFile
from threading import Condition
from typing import Self

_IN_MEMORY = 1_000_000  # bytes


def gone(why: str) -> ConnectionResetError:
    """The error that there is nobody left to answer."""
    return ConnectionResetError(ECONNRESET, why)


class Spool:
    """What was written and not read yet. `patience` are the seconds that a reader waits for the next line."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._changed = Condition()
        self._file = SpooledTemporaryFile(_IN_MEMORY)  # noqa: SIM115 (closed by close)
        self._written = 0
        self._read = 0
        self._newlines = 0
        self._ended = False
        self._error: Exception | None = None

    def write(self, data: bytes) -> None:
        """Add what came. Raises `ValueError` once the spool is closed, and `OSError` where the disk is full."""
        with self._changed:
            self._file.seek(self._written)
            self._written += self._file.write(data)
            self._newlines += data.count(b"\n")
            self._changed.notify_all()

    def end(self, error: Exception | None = None) -> None:
        """Nothing more will come; with an error, what has come and was not read is worth nothing either."""
        with self._changed:
            self._ended = True
            self._error = error
            self._changed.notify_all()

    def has_line(self, size: int) -> bool:
        """Whether `readline` with this size would not wait."""
        with self._changed:
            return self._has_line(size)

    def readline(self, size: int) -> bytes:
        """The next line, or its first `size` bytes; waits for it. Empty at the end.

        Raises what the spool was ended with, and `ConnectionResetError` where nothing came for too long.
        """
        with self._changed:
            while not self._has_line(size):
                if not self._changed.wait(self._patience):
                    raise gone(f"the client sent nothing for {self._patience:g} s")
            if self._error:
                raise self._error
            self._file.seek(self._read)
            line = self._file.readline(size)
            self._read += len(line)
            self._newlines -= line.endswith(b"\n")
            if self._read == self._written:
                self._start_over()
            return line

    def close(self) -> None:
        """Let go of all that is left."""
        with self._changed:
            self._file.close()

    def _has_line(self, size: int) -> bool:
        return self._ended or self._newlines > 0 or self._written - self._read >= size

    def _start_over(self) -> None:
        """Gives the room back, so that a client that waits for its answers needs none however long it stays."""
        self._file.seek(0)
        self._file.truncate()
        self._read = self._written = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
