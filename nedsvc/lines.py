"""Lines of JSON, from a file or a client, none longer than may be."""

from collections.abc import Iterator
from typing import Protocol

from nedsvc.errors import TooLarge

_LONGEST_ESCAPE = 6  # bytes of JSON for one of UTF-8: \u0000
_BESIDES_TEXT = 1_000_000  # bytes of a line for all other fields


class Lines(Protocol):
    """What gives lines."""

    def readline(self, size: int, /) -> bytes:
        """The next line, or its first `size` bytes; empty at the end."""
        ...


def longest_line(most_text: int) -> int:
    """How many bytes a line of JSON may have, for a text of so many bytes and what belongs to it."""
    return _LONGEST_ESCAPE * most_text + _BESIDES_TEXT


def json_content(number: int, line: bytes) -> bytes:
    """What stands in the line with this number, without the mark that may begin a file of UTF-8."""
    return line.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else line.strip()


def too_long(most: int) -> TooLarge:
    """Why a line that is longer is refused."""
    return TooLarge("record", f"may have {most} bytes; split its text")


def bounded_lines(file: Lines, most: int) -> Iterator[bytes | None]:
    """The lines; None for one that is too long, of which no more than that is held."""
    while line := file.readline(most):
        if line.endswith(b"\n") or len(line) < most:
            yield line
            continue
        while (rest := file.readline(most)) and not rest.endswith(b"\n"):
            pass
        yield None
