"""What the service does, apart from HTTP: answers as bytes, kept in a cache."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import date
from threading import Lock

import msgspec

from nedsvc.answers import document_answer, entity_details, lookup_answer
from nedsvc.cache import ANNOTATION, IDENTIFIER, LOOKUP, Cache, Entry, Kind, Outcome
from nedsvc.errors import InvalidInput, NedError, TooLarge
from nedsvc.identifiers import IdentifierLookup
from nedsvc.linker import EntityLinker
from nedsvc.models import (
    Annotation,
    Document,
    FailedDocument,
    Link,
    Options,
    Query,
    annotation_or_raise,
    read_date,
)
from nedsvc.reading import check_size, read_document
from nedsvc.web.requests import MOST_CANDIDATES, MOST_QUERIES, AnnotateRequest, LookupBatchRequest, LookupRequest

_RELOAD_FAILED = "failed, so what was served before still is; the log says why"

_encode = msgspec.json.Encoder().encode


class Reply(msgspec.Struct, frozen=True):
    """The JSON of an answer, and whether it came from the cache."""

    body: bytes
    cache: Outcome


class Service:
    """Answers requests with a linker and a cache. A kept answer has the same bytes as a computed one.

    A text may have `max_text` bytes. `reload_failed` says whether there is something newer that cannot be opened.
    """

    def __init__(
        self,
        linker: EntityLinker,
        cache: Cache,
        max_text: int,
        identifiers: IdentifierLookup | None = None,
        reload_failed: Callable[[], bool] = lambda: False,
    ) -> None:
        self._linker = linker
        self._cache = cache
        self.max_text = max_text
        self._identifiers = identifiers
        self._reload_failed = reload_failed
        # Linking takes a processor for itself, so that threads would only make each other slower; but where it waits
        # for a live source, the others go on.
        self._linking: AbstractContextManager[object] = Lock() if linker.lasting else nullcontext()

    def annotate(self, request: AnnotateRequest) -> Reply:
        """The annotated document. Raises `InvalidInput`, `TooLarge`, `ModelNotInstalled`."""
        self._check_annotation(request)
        # What is told for today is told anew tomorrow.
        today = date.today().isoformat() if request.options.roles and request.date is None else None

        def compute() -> Entry:
            (found,) = self.annotate_many([read_document(request.asked())], request.options)
            annotation = annotation_or_raise(found)
            answer = document_answer(annotation, request.options, show_text=request.input == "html")
            return Entry(_encode(answer), self._seconds(ANNOTATION, annotation.links))

        return Reply(
            *self._cache.get_or_compute(ANNOTATION.key(self._linker.index, self._asked((request, today))), compute)
        )

    def document(self, request: AnnotateRequest, id_: str | None = None) -> Document:
        """What a request asks to annotate. Raises `InvalidInput`, `TooLarge`, `ModelNotInstalled`, `DocumentFailed`."""
        self._check_annotation(request)
        return read_document(request.asked(), id_)

    def annotate_many(self, documents: Sequence[Document], options: Options) -> list[Annotation | FailedDocument]:
        """What becomes of each document; one at a time where they cannot be annotated together. They are not kept."""
        try:
            with self._linking:
                return list(self._linker.annotate_batch(documents, options))
        except NedError as error:
            if len(documents) == 1:
                return [FailedDocument(id=documents[0].id, error=error)]
        return [found for document in documents for found in self.annotate_many([document], options)]

    def lookup(self, request: LookupRequest) -> Reply:
        """What a name means, or who bears an identifier. Raises `InvalidInput`, `TooLarge`, `SourceUnavailable`."""
        if request.property is not None and request.value is not None:
            return self._lookup_identifier(request.property, request.value, request.language, request.limit)
        query = request.query()
        self._check_query(query, request.limit, "")

        def compute() -> Entry:
            return self._look_up([query], request.language, request.limit)[0]

        return Reply(*self._cache.get_or_compute(self._lookup_key(query, request.language, request.limit), compute))

    def _lookup_identifier(self, property_: str, value: str, language: str, limit: int) -> Reply:
        if self._identifiers is None:
            raise InvalidInput("property", "cannot be looked up by this service: its NEDSVC_CONTACT is not set")
        identifiers = self._identifiers
        _check_limit("limit", limit)

        def compute() -> Entry:
            found = identifiers.lookup(property_, value, language=language, limit=limit)
            return Entry(_encode(lookup_answer(found)), self._seconds(IDENTIFIER, [found.link]))

        key = IDENTIFIER.key(self._linker.index, self._asked((property_, value, language, limit)))
        return Reply(*self._cache.get_or_compute(key, compute))

    def lookup_batch(self, request: LookupBatchRequest) -> Reply:
        """What each of many names means; they are kept one by one. Raises `InvalidInput`, `TooLarge`."""
        if len(request.queries) > MOST_QUERIES:
            raise TooLarge("queries", f"may be {MOST_QUERIES} at a time, not {len(request.queries)}")
        for place, query in enumerate(request.queries):
            self._check_query(query, request.limit, f"queries[{place}].")
        keys = [self._lookup_key(query, request.language, request.limit) for query in request.queries]
        kept, outcome = self._cache.get_many(keys)
        missing = {key: query for key, query, body in zip(keys, request.queries, kept, strict=True) if body is None}
        entries = dict(
            zip(missing, self._look_up(list(missing.values()), request.language, request.limit), strict=True)
        )
        self._cache.set_many(entries)
        bodies = [body if body is not None else entries[key].body for key, body in zip(keys, kept, strict=True)]
        return Reply(b'{"results":[' + b",".join(bodies) + b"]}", outcome)

    def entity(self, qid: str) -> bytes | None:
        """What is known of an entity; None where it is unknown. Raises `InvalidInput`."""
        try:
            entity = self._linker.entity(qid)
        except InvalidInput as error:
            raise InvalidInput("qid", error.reason) from error
        return _encode(entity_details(entity)) if entity else None

    def readiness(self) -> dict[str, str]:
        """What the service has to work with."""
        cache = self._cache.state()
        reload = {"reload": _RELOAD_FAILED} if self._reload_failed() else {}
        status = "ready" if cache in {"memory", "redis"} and not reload else "degraded"
        return {"status": status, "index": self._linker.index, "cache": cache} | reload

    def _look_up(self, queries: Sequence[Query], language: str, limit: int) -> list[Entry]:
        if not queries:
            return []
        with self._linking:
            lookups = self._linker.lookup_batch(queries, language=language, limit=limit)
        return [Entry(_encode(lookup_answer(lookup)), self._seconds(LOOKUP, [lookup.link])) for lookup in lookups]

    def _seconds(self, kind: Kind, links: Sequence[Link]) -> float:
        """How long an answer with these links may be kept: one that lacks what could not be asked, not at all."""
        statuses = {link.status for link in links}
        if "error" in statuses:
            return 0.0
        unknown = "nil" in statuses if not self._linker.lasting else statuses == {"nil"}
        return kind.lifetime(known=not unknown)

    def _lookup_key(self, query: Query, language: str, limit: int) -> str:
        return LOOKUP.key(self._linker.index, self._asked((query, language, limit)))

    def _asked(self, request: object) -> object:
        return (*self._linker.identity, request)

    def _check_annotation(self, request: AnnotateRequest) -> None:
        check_size("text", request.text, self.max_text)
        _check_limit("options.limit", request.options.limit)
        if request.date is not None:
            read_date(request.date)
        for offset in (offset for span in request.mentions or () for offset in (span.start, span.end)):
            # No key can be made of numbers without an end; what is outside of the text itself is told when it is read.
            if abs(offset) > self.max_text:
                raise InvalidInput("mentions", f"the offset {offset} is outside any text that is taken here")

    def _check_query(self, query: Query, limit: int, path: str) -> None:
        check_size(f"{path}mention", query.mention, self.max_text)
        check_size(f"{path}context", query.context or "", self.max_text)
        _check_limit("limit", limit)


def _check_limit(field: str, limit: int) -> None:
    if not 1 <= limit <= MOST_CANDIDATES:
        raise InvalidInput(field, f"must be from 1 to {MOST_CANDIDATES}, not {limit}")
