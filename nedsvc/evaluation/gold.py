"""Benchmarks in ELEVANT's format, one document a line, and what of them counts.

https://github.com/ad-freiburg/elevant/blob/main/docs/benchmark_format.md
"""

import sys
from collections.abc import Container, Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec

from nedsvc.errors import InvalidInput
from nedsvc.models import is_entity_id

Place = tuple[int, int]
Spans = dict[Place, str]

_WHOLE = (0, sys.maxsize)
_BOM = b"\xef\xbb\xbf"
_QUANTITIES = frozenset({"QUANTITY", "DATETIME"})
_PRONOUNS = frozenset(
    """
    i me my mine we us our ours you your yours he him his she her hers it its they them their theirs this that these
    those who whom whose which himself herself itself themselves
    """.split()  # noqa: SIM905 (forty words in a list would fill the page)
)


class Label(msgspec.Struct, frozen=True):
    """What a span means. An `entity_id` that is no id says that the knowledge base lacks it (NIL)."""

    span: Place
    entity_id: str
    type: str | None = None
    optional: bool | None = None
    coref: Any = None
    parent: int | None = None


class GoldDocument(msgspec.Struct, frozen=True):
    """A text with its labels; only what lies inside `evaluation_span` (by default all of it) is labelled."""

    id: int | str
    text: str
    evaluation_span: Place = _WHOLE
    labels: tuple[Label, ...] = ()

    def counted(self, known: Container[str]) -> Spans:
        """The gold that counts: the id of each span."""
        return {
            label.span: label.entity_id for label in self.labels if self._counts(label) and label.entity_id in known
        }

    def nil(self) -> set[Place]:
        """The spans that count but for their entity, which the knowledge base lacks."""
        return {label.span for label in self.labels if self._counts(label) and not is_entity_id(label.entity_id)}

    def uncounted(self, known: Container[str]) -> set[Place]:
        """The spans of the gold that does not count; one with a second label that counts is none of them."""
        return {label.span for label in self.labels} - self.counted(known).keys()

    def within(self, span: Place) -> bool:
        """Whether the span lies in what is labelled."""
        return self.evaluation_span[0] <= span[0] and span[1] <= self.evaluation_span[1]

    def _counts(self, label: Label) -> bool:
        if label.optional or label.parent is not None or label.coref or label.type in _QUANTITIES:
            return False
        return self.text[slice(*label.span)].lower() not in _PRONOUNS


class GoldSet(msgspec.Struct, frozen=True):
    """A benchmark: its name and its documents."""

    name: str
    documents: tuple[GoldDocument, ...]


def read_gold(file: Path) -> GoldSet:
    """The benchmark in a file, called by the first part of its name.

    Raises `InvalidInput` with the file and the line for what cannot be read.
    """
    try:
        documents = tuple(_documents(file))
    except OSError as error:
        raise InvalidInput(str(file), f"cannot be read ({error.strerror})") from error
    if not documents:
        raise InvalidInput(str(file), "holds no document")
    return GoldSet(file.name.partition(".")[0], documents)


def _documents(file: Path) -> Iterator[GoldDocument]:
    decode = msgspec.json.Decoder(GoldDocument).decode
    seen: set[str] = set()
    with file.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                document = decode(line.removeprefix(_BOM))
                _check(document, seen)
            except (msgspec.MsgspecError, UnicodeDecodeError) as error:
                where = f"{file}, line {number}"
                raise InvalidInput(where, f"is no document in ELEVANT's format ({error})") from error
            except ValueError as error:
                raise InvalidInput(f"{file}, line {number}", str(error)) from error
            seen.add(str(document.id))
            yield document


def _check(document: GoldDocument, seen: Container[str]) -> None:
    if str(document.id) in seen:
        raise ValueError(f"has the id {document.id} of a document before it")
    size = len(document.text)
    for start, end in (label.span for label in document.labels):
        if not 0 <= start < end <= size:
            raise ValueError(f"the label at {start}-{end} lies outside the text of {size} characters")


def overlaps(one: Place, others: Iterable[Place]) -> bool:
    """Whether the span shares a character with any of the others."""
    return any(one[0] < end and start < one[1] for start, end in others)
