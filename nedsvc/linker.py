"""The linker: from a text to links. Everything that an answer depends on is here, for every shell."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from nedsvc.decision import Choice, Decision, decide
from nedsvc.detect import Detector
from nedsvc.errors import InvalidInput
from nedsvc.models import (
    Annotation,
    Candidate,
    Document,
    Entity,
    EntityType,
    Link,
    Lookup,
    Mention,
    Options,
    Query,
    RankedCandidate,
    Span,
    Status,
    checked_qid,
)
from nedsvc.ranking import Ranker
from nedsvc.sources import KnowledgeSource
from nedsvc.text import Text, read_text

BATCH_DOCUMENTS = 128
BATCH_CHARACTERS = 100_000

AUTO = "auto"

# Of several types of an entity the first of these is reported: a country is also an organisation and a region.
_MOST_TELLING: tuple[EntityType, ...] = (
    "PERSON", "GPE", "ORG", "NORP", "LANGUAGE", "LAW", "EVENT", "FAC", "LOC", "WORK_OF_ART", "PRODUCT",
)  # fmt: skip
_DEFAULTS = Options()


class EntityLinker:
    """Links the mentions of texts to entities of a knowledge source.

    `name` says what detects, so that answers of different linkers over the same knowledge can be told apart.
    """

    def __init__(
        self,
        source: KnowledgeSource,
        detector: Detector,
        ranker: Ranker,
        guess_language: Callable[[str], str],
        name: str = "",
    ) -> None:
        self._source = source
        self._detector = detector
        self._ranker = ranker
        self._guess_language = guess_language
        self._name = name

    @property
    def index(self) -> str:
        """Names the knowledge that answers."""
        return self._source.id

    @property
    def identity(self) -> tuple[str, ...]:
        """All that tells the answers of this linker from another's, but for text and options."""
        weights = (f"{name} {weight}" for name, weight in self._ranker.weights.items())
        return self._name, self._source.id, f"nil {self._ranker.nil}", *weights

    @classmethod
    def from_index(
        cls, path: str | Path | None = None, detector: str = "both", model: str | None = None
    ) -> "EntityLinker":
        """A linker over the index in this folder, by default NEDSVC_INDEX's, else the starter index.

        `detector` is "both", "spacy" or "gazetteer"; `model` names another installed spaCy pipeline than the default.
        Raises `IndexNotFound`, `IndexFormatError`, `ModelNotInstalled`, `InvalidInput`.
        """
        from nedsvc.factory import linker_from_environment  # noqa: PLC0415 (the factory builds on this module)

        return linker_from_environment(Path(path) if path else None, detector, model)

    def annotate(
        self,
        text: str,
        *,
        language: str = "en",
        mentions: Sequence[Span] | None = None,
        options: Options = _DEFAULTS,
    ) -> Annotation:
        """The links of one text. Raises `InvalidInput`."""
        document = Document(text=text, language=language, mentions=mentions)
        return next(self.annotate_batch([document], options))

    def annotate_batch(self, documents: Iterable[Document], options: Options = _DEFAULTS) -> Iterator[Annotation]:
        """The links of many documents, in their order; reads ahead by a bounded batch. Raises `InvalidInput`."""
        if not isinstance(options, Options):
            raise InvalidInput("options", f"must be Options, not {type(options).__name__}")
        for batch in _batches(documents):
            yield from self._annotate_all(batch, options)

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
        spans = [_in_context(query, language) for query in queries]
        texts = [self._read(document) for document, _ in spans]
        given = [
            Mention(span.start, span.end, query.mention, query.type)
            for query, (_, span) in zip(queries, spans, strict=True)
        ]
        mentions = self._with_surroundings(queries, texts, given)
        found = self._search(texts, mentions)
        decisions = [
            decide(text, each, found[text.language], self._ranker, limit, query.type)[0]
            for query, text, each in zip(queries, texts, mentions, strict=True)
        ]
        entities = self._source.fetch(_shown(decisions, options))
        return [
            Lookup(mention=one.surface, link=_link(one, decision, entities, options))
            for one, decision in zip(given, decisions, strict=True)
        ]

    def entity(self, qid: str) -> Entity | None:
        """The entity with this id; None where it is not known. Raises `InvalidInput` for what is no QID."""
        return self._source.fetch([checked_qid(qid)]).get(qid)

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

    def _annotate_all(self, documents: Sequence[Document], options: Options) -> Iterator[Annotation]:
        texts = [self._read(document) for document in documents]
        mentions = [
            _with_given(text, found, document.mentions)
            for text, found, document in zip(texts, self._detector.detect(texts), documents, strict=True)
        ]
        found = self._search(texts, mentions)
        for document, text, each in zip(documents, texts, mentions, strict=True):
            links = self._links(text, each, found[text.language], options)
            wanted = None if document.mentions is None else {(span.start, span.end) for span in document.mentions}
            yield Annotation(
                id=document.id,
                language=text.language,
                index=self._source.id,
                text=document.text,
                links=tuple(_kept(links, wanted, options)),
            )

    def _read(self, document: Document) -> Text:
        language = document.language
        if language == AUTO:
            return read_text(document.text, self._guess_language(document.text))
        if language not in self._source.languages:
            known = ", ".join(self._source.languages)
            raise InvalidInput("language", f"{language!r} is not in this index, which knows {known} (or auto)")
        return read_text(document.text, language)

    def _search(
        self, texts: Sequence[Text], mentions: Sequence[Sequence[Mention]]
    ) -> Mapping[str, Mapping[str, Sequence[Candidate]]]:
        """The candidates of every surface of a batch, by language; each name is asked for once."""
        names: dict[str, dict[str, None]] = {text.language: {} for text in texts}
        for text, each in zip(texts, mentions, strict=True):
            names[text.language].update(dict.fromkeys(mention.surface for mention in each))
        return {language: self._source.search(tuple(wanted), language) for language, wanted in names.items()}

    def _links(
        self,
        text: Text,
        mentions: Sequence[Mention],
        found: Mapping[str, Sequence[Candidate]],
        options: Options,
    ) -> list[Link]:
        decisions = decide(text, mentions, found, self._ranker, options.limit)
        entities = self._source.fetch(_shown(decisions, options))
        links = [
            _link(mentions[position], decision, entities, options)
            for decision in decisions
            for position in decision.chain.mentions
        ]
        return sorted(links, key=lambda link: (link.mention.start, link.mention.end))


def _batches(documents: Iterable[Document]) -> Iterator[list[Document]]:
    """The documents in lists of bounded size, so that a model sees many at once and memory stays flat."""
    batch: list[Document] = []
    characters = 0
    for document in documents:
        if not isinstance(document, Document):
            raise InvalidInput("documents", f"must hold Document(text=…), not {type(document).__name__}")
        batch.append(document)
        characters += len(document.text)
        if len(batch) == BATCH_DOCUMENTS or characters >= BATCH_CHARACTERS:
            yield batch
            batch, characters = [], 0
    if batch:
        yield batch


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


def _with_given(text: Text, detected: Sequence[Mention], given: Sequence[Span] | None) -> list[Mention]:
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


def _kept(links: Iterable[Link], wanted: set[tuple[int, int]] | None, options: Options) -> Iterator[Link]:
    for link in links:
        if wanted is not None and (link.mention.start, link.mention.end) not in wanted:
            continue
        if not options.types or link.type in options.types:
            yield link


def _shown(decisions: Iterable[Decision], options: Options) -> list[str]:
    """The ids of the entities that an answer shows, each once."""
    most = options.limit if options.candidates else 1
    return list(dict.fromkeys(choice.candidate.id for decision in decisions for choice in decision.choices[:most]))


def _link(mention: Mention, decision: Decision, entities: Mapping[str, Entity], options: Options) -> Link:
    candidates = tuple(_ranked(choice, entities, options) for choice in decision.choices)
    best = decision.choices[0] if decision.choices else None
    status = _status(best, decision.nil, options.threshold)
    entity = candidates[0].entity if best and status == "linked" else None
    return Link(
        mention=mention,
        type=_type(mention, best if entity else None),
        status="nil" if status == "linked" and entity is None else status,
        confidence=best.probability if best else 0.0,
        entity=entity,
        candidates=candidates,
    )


def _ranked(choice: Choice, entities: Mapping[str, Entity], options: Options) -> RankedCandidate:
    return RankedCandidate(
        id=choice.candidate.id,
        score=choice.probability,
        entity=entities.get(choice.candidate.id),
        features=choice.features if options.explain else {},
    )


def _status(best: Choice | None, nil: float, threshold: float) -> Status:
    """Linked where the best candidate is sure enough, NIL where none is likelier than it, else ambiguous."""
    if best is None:
        return "nil"
    if best.probability >= threshold:
        return "linked"
    return "nil" if nil >= best.probability else "ambiguous"


def _type(mention: Mention, best: Choice | None) -> EntityType | None:
    """What the mention names: an entity's own type repairs the detector's guess."""
    if best is None or not best.candidate.types:
        return mention.label
    if best.candidate.kind == "demonym":
        return "NORP"
    if mention.label in best.candidate.types:
        return mention.label
    return min(best.candidate.types, key=_MOST_TELLING.index)
