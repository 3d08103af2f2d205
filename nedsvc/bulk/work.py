"""What a worker does: links documents and gives back the bytes of their answers."""

from collections.abc import Sequence

import msgspec

from nedsvc.answers import ErrorDetail, document_answer, error_detail
from nedsvc.errors import NedError
from nedsvc.linker import EntityLinker
from nedsvc.models import Annotation, Document, FailedDocument, Options
from nedsvc.reading import Asked, read_document

_encode = msgspec.json.Encoder().encode
_WITHOUT_ID = b'{"id":null'


class Tally(msgspec.Struct, frozen=True, kw_only=True):
    """What was done, in numbers; `repeated` documents are among those `documents`, and were computed once."""

    documents: int = 0
    failed: int = 0
    repeated: int = 0
    words: int = 0
    mentions: int = 0
    linked: int = 0
    nil: int = 0
    ambiguous: int = 0
    unknown: int = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


class Answer(msgspec.Struct, frozen=True):
    """What became of a document: the JSON of its answer but for the id and the braces around it, or what failed."""

    body: bytes
    tally: Tally
    error: ErrorDetail | None = None

    def whole(self, id_: str | None, kept: Sequence[tuple[str, object]]) -> bytes:
        """The JSON object of a document with this id and these fields of its own behind it."""
        own = b"".join(b"," + _encode(name) + b":" + _encode(value) for name, value in kept)
        return b'{"id":' + _encode(id_) + own + self.body


def answers(linker: EntityLinker, tasks: Sequence[Asked], options: Options) -> list[Answer]:
    """What becomes of each task."""
    documents = [_document(asked) for asked in tasks]
    found = linker.annotate_batch((each for each in documents if isinstance(each, Document)), options)
    return [
        _answer(asked, next(found) if isinstance(each, Document) else each, options)
        for asked, each in zip(tasks, documents, strict=True)
    ]


def _document(asked: Asked) -> Document | FailedDocument:
    try:
        return read_document(asked)
    except NedError as error:
        return FailedDocument(id=None, error=error)


def _answer(asked: Asked, found: Annotation | FailedDocument, options: Options) -> Answer:
    if isinstance(found, FailedDocument):
        return Answer(b"", Tally(failed=1), error_detail(found.error))
    body = _encode(document_answer(found, options, show_text=asked.shows_text))
    return Answer(body.removeprefix(_WITHOUT_ID), _tally(found))


def _tally(annotation: Annotation) -> Tally:
    statuses = [link.status for link in annotation.links]
    return Tally(
        documents=1,
        words=len(annotation.text.split()),
        mentions=len(statuses),
        linked=statuses.count("linked"),
        nil=statuses.count("nil"),
        ambiguous=statuses.count("ambiguous"),
        unknown=statuses.count("error"),
    )
