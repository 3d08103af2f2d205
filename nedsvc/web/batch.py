"""Batches: lines of JSON in, as they come, and their answers out, in the order of the lines."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import Any

import msgspec

from nedsvc.answers import DocumentAnswer, ErrorDetail, FailedAnswer, document_answer, error_detail
from nedsvc.errors import DocumentFailed, NedError
from nedsvc.lines import bounded_lines, json_content, longest_line, too_long
from nedsvc.linker import BATCH_DOCUMENTS
from nedsvc.models import Annotation, Document, FailedDocument, Options
from nedsvc.web.receiving import received
from nedsvc.web.requests import AnnotateLine, read_json
from nedsvc.web.service import Service
from nedsvc.web.spool import Spool

PATIENCE = 60.0  # seconds that a client may send nothing while it has all its answers
_BYTES = 100_000  # of lines that are linked together

_log = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode


class _Named(msgspec.Struct):
    """What is read of a line that is no request."""

    id: str | int | None = None


class _Asked(msgspec.Struct, frozen=True):
    """A line that asks for something that can be tried."""

    number: int
    document: Document
    options: Options
    shows_text: bool


class Batch:
    """Answers the lines of one request, which the log calls by its name."""

    def __init__(self, service: Service, name: str) -> None:
        self._service = service
        self._name = name
        self._most = longest_line(service.max_text)

    def answers(self, environ: Mapping[str, Any]) -> Iterator[bytes]:
        """The lines of the answer, while those of the request come. Raises what it breaks off with.

        They may be let go of at any time: then nothing more is read or linked.
        """
        yield b""  # sends the head: some clients wait for it before they send
        try:
            with received(environ, PATIENCE) as spool:
                for lines in self._groups(spool):
                    yield b"".join(_encode(answer) + b"\n" for answer in self._answered(lines))
        except ConnectionError as error:
            _log.info("batch %s was let go of: %s", self._name, error)
            raise
        except Exception:
            _log.exception("request %s broke off", self._name)
            raise

    def _groups(self, spool: Spool) -> Iterator[list[tuple[int, bytes | None]]]:
        """The lines with their numbers: as many as are there, at least one, and at most what is linked together."""
        lines: list[tuple[int, bytes | None]] = []
        size = 0
        for number, line in enumerate(bounded_lines(spool, self._most), 1):
            if line is None or json_content(number, line):
                lines.append((number, line))
                size += len(line or b"")
            if lines and (len(lines) == BATCH_DOCUMENTS or size >= _BYTES or not spool.has_line(self._most)):
                yield lines
                lines, size = [], 0
        if lines:
            yield lines

    def _answered(self, lines: Iterable[tuple[int, bytes | None]]) -> Iterator[DocumentAnswer | FailedAnswer]:
        asked = [self._asked(number, line) for number, line in lines]
        found = self._found([each for each in asked if isinstance(each, _Asked)])
        for each in asked:
            yield self._answer(each, next(found)) if isinstance(each, _Asked) else each

    def _asked(self, number: int, line: bytes | None) -> _Asked | FailedAnswer:
        if line is None:
            return self._failed(number, None, too_long(self._most))
        content = json_content(number, line)
        try:
            request = read_json(content, AnnotateLine, "record")
            document = self._service.document(request, _id(request.id))
        except NedError as error:
            return self._failed(number, _id_in(content), error)
        return _Asked(number, document, request.options, request.input == "html")

    def _found(self, asked: Sequence[_Asked]) -> Iterator[Annotation | FailedDocument]:
        for options, each in groupby(asked, attrgetter("options")):
            yield from self._service.annotate_many([one.document for one in each], options)

    def _answer(self, asked: _Asked, found: Annotation | FailedDocument) -> DocumentAnswer | FailedAnswer:
        if isinstance(found, FailedDocument):
            return self._failed(asked.number, asked.document.id, found.error)
        return document_answer(found, asked.options, show_text=asked.shows_text)

    def _failed(self, number: int, id_: str | None, error: NedError) -> FailedAnswer:
        if not isinstance(error, DocumentFailed):
            return FailedAnswer(id=id_, line=number, error=error_detail(error))
        # What broke may tell what is inside.
        _log.error("line %d of request %s failed", number, self._name, exc_info=error)
        detail = f"this is a fault of the service; its log has it as line {number} of request {self._name}"
        return FailedAnswer(id=id_, line=number, error=ErrorDetail(title=error.title, detail=detail))


def _id(value: str | int | None) -> str | None:
    return None if value is None else str(value)


def _id_in(content: bytes) -> str | None:
    """The id of a line that is no request, where one can be made out."""
    try:
        return _id(msgspec.json.decode(content, type=_Named).id)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
