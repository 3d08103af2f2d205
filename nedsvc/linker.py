"""The linker: from a text to links. Everything that an answer depends on is here, for every shell."""

import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

import msgspec

from nedsvc.decision import Decision
from nedsvc.detect import Detector
from nedsvc.errors import DocumentFailed, InvalidInput, NedError, SourceUnavailable
from nedsvc.inquiry import Reading, Terms, fetch, inquire
from nedsvc.links import asked_for, shown_ids, to_link, to_links, to_role
from nedsvc.metonymy import Metonyms
from nedsvc.models import (
    Annotation,
    Document,
    Entity,
    EntityType,
    FailedDocument,
    Lookup,
    Mention,
    Options,
    Query,
    Role,
    Span,
    annotation_or_raise,
    checked_id,
    is_qid,
    qid_number,
)
from nedsvc.never import NOTHING, Never
from nedsvc.ranking import Judges
from nedsvc.roles import FoundRole, RoleReader
from nedsvc.sources import KnowledgeSource, Known
from nedsvc.text import Text, read_text

BATCH_DOCUMENTS = 128
BATCH_CHARACTERS = 100_000
PATIENCE = 30.0  # seconds

AUTO = "auto"

Item = TypeVar("Item")

_DEFAULTS = Options()


class Extras(msgspec.Struct, frozen=True):
    """What reads more from a text than its mentions, where an option asks for it and an index knows enough."""

    roles: RoleReader | None = None
    metonyms: Metonyms | None = None


_NO_EXTRAS = Extras()


class EntityLinker:
    """Links the mentions of texts to entities of knowledge sources.

    The first source is asked for everything, each further one for what is not linked by then. A text may keep them
    busy for `patience` seconds; what could not be asked by then is an error of its mention. `name` says what detects,
    so that answers of different linkers over the same knowledge can be told apart. The options choose one of the
    `judges`. What must `never` be linked is not, whichever source knows it.
    """

    def __init__(  # noqa: PLR0913 (all but the first four have defaults)
        self,
        sources: Sequence[KnowledgeSource],
        detector: Detector,
        judges: Judges,
        guess_language: Callable[[str], str],
        *,
        name: str = "",
        patience: float = PATIENCE,
        extras: Extras = _NO_EXTRAS,
        never: Never = NOTHING,
    ) -> None:
        self._sources = tuple(sources)
        self._languages = tuple(dict.fromkeys(language for source in sources for language in source.languages))
        self._detector = detector
        self._judges = judges
        self._guess_language = guess_language
        self._name = name
        self._patience = patience
        self._extras = extras
        self._never = never

    @property
    def index(self) -> str:
        """Names the knowledge that answers."""
        return "+".join(source.id for source in self._sources)

    @property
    def lasting(self) -> bool:
        """Whether the same question will always have the same answer under the same `identity`."""
        return all(source.lasting for source in self._sources)

    @property
    def identity(self) -> tuple[str, ...]:
        """All that tells the answers of this linker from another's, but for text and options."""
        return self._name, self.index, *self._judges.identity

    @classmethod
    def from_index(
        cls,
        path: str | Path | None = None,
        detector: str = "both",
        model: str | None = None,
        source: str | None = None,
        overlay: str | Path | None = None,
    ) -> "EntityLinker":
        """A linker over the index in this folder, by default NEDSVC_INDEX's, else the starter index.

        `detector` is "both", "spacy" or "gazetteer"; `model` names another installed spaCy pipeline than the default.
        `source` is "index", "wikidata" or "auto" (the index, then live Wikidata where NEDSVC_CONTACT is set), by
        default NEDSVC_SOURCE's. `overlay` is a file of own entities and changes over the index, by default
        NEDSVC_OVERLAY's. Raises `IndexNotFound`, `IndexFormatError`, `ModelNotInstalled`, `InvalidInput`.
        """
        from nedsvc.factory import linker_from_environment  # noqa: PLC0415 (the factory builds on this module)

        return linker_from_environment(
            Path(path) if path else None, detector, model, source, Path(overlay) if overlay else None
        )

    def annotate(
        self,
        text: str,
        *,
        language: str = "en",
        mentions: Sequence[Span] | None = None,
        date: str | None = None,
        options: Options = _DEFAULTS,
    ) -> Annotation:
        """The links of one text; `date` is the day of the text, for its roles. Raises `InvalidInput`."""
        document = Document(text=text, language=language, mentions=mentions, date=date)
        return annotation_or_raise(next(self.annotate_batch([document], options)))

    def annotate_batch(
        self, documents: Iterable[Document], options: Options = _DEFAULTS
    ) -> Iterator[Annotation | FailedDocument]:
        """The links of many documents, in their order; reads ahead by a bounded batch.

        A document in a language that is not known here, or whose text breaks what reads it, fails alone. Raises
        `InvalidInput` for what is no document and for options that cannot be met.
        """
        if not isinstance(options, Options):
            raise InvalidInput("options", f"must be Options, not {type(options).__name__}")
        for batch in grouped(documents, _characters):
            yield from self._annotate_each(batch, options)

    def lookup(
        self,
        mention: str,
        *,
        context: str | None = None,
        type: EntityType | None = None,
        language: str = "en",
        limit: int = 5,
    ) -> Lookup:
        """What one name means, in a context if one is given.

        With a type, entities that are known to be of another type are left out. Raises `InvalidInput`.
        """
        query = Query(mention=mention, context=context, type=type)
        return self.lookup_batch([query], language=language, limit=limit)[0]

    def lookup_batch(self, queries: Sequence[Query], *, language: str = "en", limit: int = 5) -> list[Lookup]:
        """What each name means; names and entities are asked for once. Raises `InvalidInput`."""
        options = Options(limit=limit, candidates=True)
        until = self._until(1)
        spans = [_in_context(query, language) for query in queries]
        texts = [self._read(document) for document, _ in spans]
        given = [
            Mention(span.start, span.end, query.mention, query.type)
            for query, (_, span) in zip(queries, spans, strict=True)
        ]
        readings = [
            Reading(text, mentions, 1, query.type)
            for query, text, mentions in zip(
                queries, texts, self._with_surroundings(queries, texts, given), strict=True
            )
        ]
        decisions = [decided[:1] for decided in self._decide(readings, options, until)]
        entities = self._fetch(readings, decisions, options, until)
        return [
            Lookup(mention=one.surface, link=to_link(one, decision, entities[reading.text.language], options))
            for one, reading, (decision,) in zip(given, readings, decisions, strict=True)
        ]

    def entity(self, qid: str, language: str = "en") -> Entity | None:
        """The entity with this id; None where it is not known.

        Raises `InvalidInput` for what is no id and `SourceUnavailable` where nobody who may know it could be asked.
        """
        if is_qid(checked_id(qid)) and qid_number(qid) in self._never.numbers:
            return None
        known = fetch(self._sources, [qid], language, self._until(1)).get(qid)
        if isinstance(known, SourceUnavailable):
            raise known
        return known

    def _with_surroundings(
        self, queries: Sequence[Query], texts: Sequence[Text], given: Sequence[Mention]
    ) -> list[list[Mention]]:
        """Each name with what else its context mentions; only contexts are searched for mentions."""
        contexts = [text for query, text in zip(queries, texts, strict=True) if query.context]
        detected = iter(self._detector.detect(contexts))
        return [
            [one, *(_outside(next(detected), [one]) if query.context else ())]
            for query, one in zip(queries, given, strict=True)
        ]

    def _annotate_each(self, documents: Sequence[Document], options: Options) -> Iterator[Annotation | FailedDocument]:
        """What becomes of each document of a batch."""
        refused = [self._refusal(document) for document in documents]
        accepted = [document for document, error in zip(documents, refused, strict=True) if error is None]
        found = iter(self._annotate_or_fail(accepted, options))
        for document, error in zip(documents, refused, strict=True):
            yield next(found) if error is None else FailedDocument(id=document.id, error=error)

    def _annotate_or_fail(
        self, documents: Sequence[Document], options: Options
    ) -> Sequence[Annotation | FailedDocument]:
        """The links of documents; where one breaks something, it is found by halves and fails alone."""
        try:
            return list(self._annotate_all(documents, options)) if documents else []
        except NedError:
            raise
        except Exception as error:
            if len(documents) == 1:
                failed = DocumentFailed(f"what reads the text broke on it ({type(error).__name__}: {error})")
                failed.__cause__ = error
                return [FailedDocument(id=documents[0].id, error=failed)]
        half = len(documents) // 2
        return [*self._annotate_or_fail(documents[:half], options), *self._annotate_or_fail(documents[half:], options)]

    def check_language(self, language: str) -> None:
        """Raises `InvalidInput` for a language that is not known here."""
        if language not in {AUTO, *self._languages}:
            known = ", ".join(self._languages)
            raise InvalidInput("language", f"{language!r} is not known here; choose from {known} (or auto)")

    def check(self, language: str, options: Options) -> None:
        """Raises what no document in this language could be annotated for: `InvalidInput`, `ModelNotInstalled`."""
        self.check_language(language)
        self._judges.chosen(options.ranker)

    def _refusal(self, document: Document) -> InvalidInput | None:
        """Why the document cannot be read here."""
        try:
            self.check_language(document.language)
        except InvalidInput as error:
            return error
        return None

    def _annotate_all(self, documents: Sequence[Document], options: Options) -> Iterator[Annotation]:
        until = self._until(len(documents))
        texts = [self._read(document) for document in documents]
        readings = [
            Reading(text, with_given(text, found, document.mentions), _wanted(document))
            for text, found, document in zip(texts, self._detector.detect(texts), documents, strict=True)
        ]
        decisions = self._decide(readings, options, until)
        days, roles = self._find_roles(documents, readings, decisions, options)
        decisions = self._with_referents(readings, decisions, options)
        entities = self._fetch(readings, decisions, options, until, roles)
        for document, reading, decided, day, found in zip(documents, readings, decisions, days, roles, strict=True):
            language = reading.text.language
            links = to_links(reading.mentions, decided, entities[language], options)
            wanted = None if document.mentions is None else {(span.start, span.end) for span in document.mentions}
            yield Annotation(
                id=document.id,
                language=language,
                index=self.index,
                text=document.text,
                links=tuple(asked_for(links, wanted, options)),
                roles=tuple(self._roles(found, entities[language], wanted, options)),
                date=day,
            )

    def _find_roles(
        self,
        documents: Sequence[Document],
        readings: Sequence[Reading],
        decisions: Sequence[Sequence[Decision]],
        options: Options,
    ) -> tuple[list[str | None], list[list[FoundRole]]]:
        """The day of each text and the roles in it, where they are asked for."""
        reader = self._extras.roles
        if not options.roles or reader is None:
            return [None] * len(documents), [[] for _ in documents]
        days = [reader.day(document.date, document.text) for document in documents]
        roles = [
            reader.read(reading.text, reading.mentions, decided, day, options.threshold)
            for reading, decided, day in zip(readings, decisions, days, strict=True)
        ]
        return [day.isoformat() for day in days], roles

    def _with_referents(
        self, readings: Sequence[Reading], decisions: list[list[Decision]], options: Options
    ) -> list[list[Decision]]:
        """The decisions, those apart in which a capital stands for its government, where this is asked for."""
        metonyms = self._extras.metonyms
        if options.metonymy == "literal" or metonyms is None:
            return decisions
        return [
            metonyms.referents(reading.text, reading.mentions, decided, options.threshold)
            for reading, decided in zip(readings, decisions, strict=True)
        ]

    def _roles(
        self,
        found: Sequence[FoundRole],
        entities: Mapping[str, Known],
        wanted: set[tuple[int, int]] | None,
        options: Options,
    ) -> Iterator[Role]:
        for role in found:
            if wanted is not None and (role.start, role.end) not in wanted:
                continue
            if not options.types or "PERSON" in options.types:
                yield to_role(role, entities, options)

    def _read(self, document: Document) -> Text:
        self.check_language(document.language)
        guessed = document.language == AUTO
        return read_text(document.text, self._guess_language(document.text) if guessed else document.language)

    def _until(self, texts: int) -> float:
        return time.monotonic() + self._patience * texts

    def _decide(self, readings: Sequence[Reading], options: Options, until: float) -> list[list[Decision]]:
        judge = self._judges.chosen(options.ranker)
        return inquire(self._sources, readings, Terms(judge, options.limit, options.threshold, self._never), until)

    def _fetch(
        self,
        readings: Sequence[Reading],
        decisions: Sequence[Sequence[Decision]],
        options: Options,
        until: float,
        roles: Sequence[Sequence[FoundRole]] = (),
    ) -> dict[str, Mapping[str, Known]]:
        """The entities that the answers show, by language; each is asked for once."""
        shown: dict[str, list[str]] = {}
        for reading, found in zip(readings, roles, strict=False):
            holders = (id_ for role in found for id_, _ in role.candidates[: options.limit])
            shown.setdefault(reading.text.language, []).extend(holders)
        for reading, decided in zip(readings, decisions, strict=True):
            shown.setdefault(reading.text.language, []).extend(shown_ids(decided, options))
        return {language: fetch(self._sources, ids, language, until) for language, ids in shown.items()}


def grouped(items: Iterable[Item], characters_of: Callable[[Item], int]) -> Iterator[list[Item]]:
    """The items in lists of bounded size, so that a model sees many texts at once and memory stays flat."""
    group: list[Item] = []
    characters = 0
    for item in items:
        group.append(item)
        characters += characters_of(item)
        if len(group) == BATCH_DOCUMENTS or characters >= BATCH_CHARACTERS:
            yield group
            group, characters = [], 0
    if group:
        yield group


def _characters(document: Document) -> int:
    """The length of the text. Raises `InvalidInput` for what is no document."""
    if not isinstance(document, Document):
        raise InvalidInput("documents", f"must hold Document(text=…), not {type(document).__name__}")
    return len(document.text)


def _in_context(query: Query, language: str) -> tuple[Document, Span]:
    """A document that holds the name: the context where it does, else the context with the name behind it."""
    text = query.context
    if not text:
        return Document(text=query.mention, language=language), Span(0, len(query.mention))
    found = list(re.finditer(rf"(?<!\w){re.escape(query.mention)}(?!\w)", text))
    if found:
        return Document(text=text, language=language), Span(*found[-1].span())
    text = f"{text}\n{query.mention}"
    return Document(text=text, language=language), Span(len(text) - len(query.mention), len(text))


def _wanted(document: Document) -> int | None:
    """How many of the first mentions are asked for; None for all."""
    return None if document.mentions is None else len(dict.fromkeys(document.mentions))


def with_given(text: Text, detected: Sequence[Mention], given: Sequence[Span] | None) -> list[Mention]:
    """The given spans, with the detector's labels, and the detected mentions beside them: they are evidence."""
    if given is None:
        return list(detected)
    labels = {(mention.start, mention.end): mention.label for mention in detected}
    mentions = [
        Mention(span.start, span.end, text.text[span.start : span.end], labels.get((span.start, span.end)))
        for span in dict.fromkeys(given)
    ]
    return [*mentions, *_outside(detected, mentions)]


def _outside(detected: Sequence[Mention], given: Sequence[Mention]) -> list[Mention]:
    """The detected mentions that overlap none of the given ones."""
    covered = bytearray(max((one.end for one in given), default=0))
    for one in given:
        covered[one.start : one.end] = b"\x01" * (one.end - one.start)
    return [one for one in detected if not any(covered[one.start : one.end])]
