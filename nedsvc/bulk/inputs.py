"""The files that bulk reads, row by row: JSON lines, CSV and TSV, Parquet, texts, and folders of texts."""

import csv
import io
import sys
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import IO, Any, cast

import msgspec
from isal import isal_zlib

from nedsvc.bulk.packing import packing, parquet, unpacked
from nedsvc.errors import InvalidInput, NedError, TooLarge
from nedsvc.lines import bounded_lines, json_content, too_long

STDIN = "-"
_SUFFIXES = {
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl", ".csv": "csv", ".tsv": "csv", ".parquet": "parquet",
    ".txt": "text", ".html": "text", ".htm": "text",
}  # fmt: skip
_TEXTS = tuple(suffix for suffix, kind in _SUFFIXES.items() if kind == "text")
_READ = ("language", "date", "mentions", "input")  # what else may be said of a text
_ROWS_AT_ONCE = 256
_decode = msgspec.json.Decoder(dict[str, Any]).decode
_SURROGATES = range(0xDC80, 0xDD00)  # what bytes that are no UTF-8 are decoded to
# What the readers raise for files that are damaged or cut off.
_UNREADABLE = (OSError, EOFError, cast(type[Exception], isal_zlib.error), zlib.error)


class InputBroken(NedError):  # noqa: N818
    """An input cannot be read to its end; what stands before the place has been read."""

    title = "Unreadable input"


class Place(msgspec.Struct, frozen=True):
    """Where a row stands: its file, and the line that it begins in (of Parquet the row), counted from 1."""

    file: str
    line: int


class Row(msgspec.Struct, frozen=True):
    """What stands at a place: named fields, or why there are none. `raw` tells the row from any other."""

    place: Place
    raw: bytes
    fields: Mapping[str, Any] = {}
    error: NedError | None = None


class Columns(msgspec.Struct, frozen=True):
    """The fields that are read of a row: those of its text and id, and others."""

    text: str = "text"
    id: str = "id"
    others: tuple[str, ...] = ()


def check_inputs(names: Sequence[str]) -> None:
    """Refuses, before any work is done, what is not there or has no format that is known. Raises `InvalidInput`."""
    for name in names:
        if name != STDIN:
            path = Path(name)
            if not path.exists():
                raise InvalidInput(name, "is not there")
            if path.is_dir() and not _files(name):
                raise InvalidInput(name, f"is a folder without texts ({', '.join(_TEXTS)})")
            if path.is_file() and _format(name) is None:
                known = ", ".join(_SUFFIXES)
                raise InvalidInput(name, f"has no suffix that tells its format ({known}, packed as .gz or .zst)")


def total_size(names: Sequence[str]) -> int | None:
    """The bytes of all inputs; None where they cannot be known before they are read."""
    if STDIN in names:
        return None
    return sum(file.stat().st_size for name in names for file in _files(name))


def rows(names: Sequence[str], columns: Columns, most: int) -> Iterator[tuple[Row, int]]:
    """The rows of all inputs in their order, and how many bytes were read by then; one of more than `most` is refused.

    Raises `InputBroken` where a file cannot be read to its end, and `InvalidInput` where a column is missing in it.
    """
    before = 0
    for name in names:
        for path in _files(name):
            if name == STDIN:
                yield from ((row, 0) for row in _rows("standard input", sys.stdin.buffer, columns, most))
                continue
            with path.open("rb") as file:
                can_tell = file.seekable()
                for row in _rows(str(path), file, columns, most):
                    yield row, before + (file.tell() if can_tell else 0)
            before += path.stat().st_size


def _rows(shown: str, file: IO[bytes], columns: Columns, most: int) -> Iterator[Row]:
    line = 0
    try:
        read = _READERS[_format(shown) or "jsonl"]
        for row in read(shown, unpacked(file, shown), columns, most):
            line = row.place.line
            yield row
    except _UNREADABLE as error:
        raise InputBroken(
            f"{shown} cannot be read beyond line {line} ({error}): it may be cut off. What stands before is done; "
            "mend the file, then go on with --resume."
        ) from error


def _files(name: str) -> list[Path]:
    """The file of that name, or the texts in the folder and those in it, in the order of their paths."""
    path = Path(name)
    if name == STDIN or not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if _format(file.name) == "text" and file.is_file())


def _format(name: str) -> str | None:
    return _SUFFIXES.get(Path(name.removesuffix(packing(name))).suffix.lower())


def json_rows(shown: str, file: IO[bytes], _columns: Columns, most: int) -> Iterator[Row]:
    """The rows of JSON lines; an empty line is none."""
    for number, line in enumerate(bounded_lines(file, most), 1):
        row = json_row(Place(shown, number), line, most)
        if row is not None:
            yield row


def json_row(place: Place, line: bytes | None, most: int) -> Row | None:
    """The row of a line of JSON, which is None where it is longer than `most`; None for an empty line."""
    if line is None:
        return Row(place, b"", error=too_long(most))
    content = json_content(place.line, line)
    if not content:
        return None
    try:
        return Row(place, content, _decode(content))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Row(place, content, error=InvalidInput("record", f"is not a JSON object ({error})"))


def _csv_rows(shown: str, file: IO[bytes], columns: Columns, most: int) -> Iterator[Row]:
    csv.field_size_limit(most)
    text = io.TextIOWrapper(file, encoding="utf-8-sig", errors="surrogateescape", newline="")
    reader = csv.reader(text, delimiter="\t" if ".tsv" in Path(shown).suffixes else ",", strict=True)
    try:
        header = next(reader, [])
    except csv.Error as error:
        raise InvalidInput(shown, f"has no header that can be read ({error})") from error
    check_columns(shown, header, columns)
    while True:
        place = Place(shown, reader.line_num + 1)
        try:
            values = next(reader, None)
        except csv.Error as error:
            yield Row(place, str(place.line).encode(), error=InvalidInput("record", f"is no CSV ({error})"))
            continue
        if values is None:
            text.detach()  # which would close the file
            return
        if values:
            yield _csv_row(place, header, values)


def _csv_row(place: Place, header: Sequence[str], values: Sequence[str]) -> Row:
    raw = msgspec.json.encode([[each.encode("utf-8", "surrogateescape") for each in part] for part in (header, values)])
    if len(values) != len(header):
        return Row(place, raw, error=InvalidInput("record", f"has {len(values)} fields, and the header {len(header)}"))
    if any(ord(letter) in _SURROGATES for value in values if not value.isascii() for letter in value):
        return Row(place, raw, error=InvalidInput("record", "is not UTF-8; convert the file first"))
    return Row(place, raw, dict(zip(header, values, strict=True)))


def _parquet_rows(shown: str, file: IO[bytes], columns: Columns, _most: int) -> Iterator[Row]:
    try:
        content = parquet(shown).ParquetFile(file)
    except ValueError as error:  # pyarrow's own errors are of this kind
        raise InvalidInput(shown, f"is no Parquet ({error})") from error
    names = content.schema_arrow.names
    check_columns(shown, names, columns)
    wanted = read_columns(names, columns)
    line = 0
    for batch in content.iter_batches(batch_size=_ROWS_AT_ONCE, columns=wanted):
        for values in batch.to_pylist():
            line += 1
            fields = plain_fields(values)
            yield Row(Place(shown, line), msgspec.json.encode(fields), fields)


def plain_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a row of a table, in JSON's own types."""
    return msgspec.to_builtins(values, enc_hook=str)  # type: ignore[no-any-return]


def read_columns(names: Sequence[str], columns: Columns) -> list[str]:
    """Those of the columns that are read."""
    return [name for name in dict.fromkeys((columns.text, columns.id, *_READ, *columns.others)) if name in names]


def _text_rows(shown: str, file: IO[bytes], columns: Columns, most: int) -> Iterator[Row]:
    content = file.read(most + 1)
    place = Place(shown, 1)
    raw = shown.encode("utf-8", "surrogateescape") + b"\0" + content
    if len(content) > most:
        yield Row(place, raw, error=TooLarge("text", f"may have {most} bytes; split it"))
        return
    markup = "text" if Path(shown.removesuffix(packing(shown))).suffix.lower() == ".txt" else "html"
    try:
        yield Row(place, raw, {columns.id: shown, columns.text: content.decode("utf-8-sig"), "input": markup})
    except UnicodeDecodeError as error:
        yield Row(place, raw, error=InvalidInput("text", f"is not UTF-8 at byte {error.start}; convert it first"))


def check_columns(shown: str, names: Sequence[str], columns: Columns) -> None:
    """Refuses columns of which one that is wanted is missing. Raises `InvalidInput`."""
    for column in (columns.text, *columns.others):
        if column not in names:
            raise InvalidInput(shown, f"has no column {column!r}; it has {', '.join(map(repr, names)) or 'none'}")


_READERS = {"jsonl": json_rows, "csv": _csv_rows, "parquet": _parquet_rows, "text": _text_rows}
