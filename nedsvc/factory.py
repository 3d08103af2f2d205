"""From settings to a linker: the only place that names concrete sources and detectors."""

import os
from collections.abc import Sequence
from functools import cache, cached_property
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from nedsvc import __version__, tables
from nedsvc.cache import Cache
from nedsvc.cache.memory import MemoryCache
from nedsvc.cache.redis import FLIGHT, RedisCache
from nedsvc.detect import Detector
from nedsvc.detect.gazetteer import Gazetteer
from nedsvc.detect.recurring import RecurringDetector
from nedsvc.detect.trim import TrimmedDetector, Words
from nedsvc.detect.union import UnionDetector
from nedsvc.encoders.minilm import MiniLmEncoder, minilm_encoder
from nedsvc.errors import IndexFormatError, InvalidInput
from nedsvc.identifiers import IdentifierLookup
from nedsvc.index.layered import open_index
from nedsvc.index.overlay import with_overlay
from nedsvc.index.view import Meanings, OpenIndex
from nedsvc.kept import cache_folder
from nedsvc.language import language_guesser
from nedsvc.linker import PATIENCE, EntityLinker, Extras
from nedsvc.meaning import SentenceContexts, WordContexts
from nedsvc.metonymy import Metonyms
from nedsvc.offices import OfficeBook
from nedsvc.pace import Limits, Pace
from nedsvc.pace.lockfile import LockFilePace
from nedsvc.pace.redis import RedisPace
from nedsvc.ranking import Judge, Judges, default_ranker, judges_without_vectors
from nedsvc.roles import RoleReader, RoleTables
from nedsvc.settings import SOURCES, WIKIDATA_API, Settings, read_settings, required_contact
from nedsvc.sources import KnowledgeSource
from nedsvc.sources.beside import BesideSource
from nedsvc.sources.local import LocalSource
from nedsvc.sources.wikidata.cached import CachedWikibase
from nedsvc.sources.wikidata.client import WikibaseClient
from nedsvc.sources.wikidata.source import WikidataSource
from nedsvc.sources.wikidata.transport import Transport
from nedsvc.sparql import SparqlEndpoint
from nedsvc.starter import starter_index
from nedsvc.variants import Spelling

DETECTORS = ("both", "spacy", "gazetteer")


def linker_from_environment(
    index: Path | None,
    detector: str,
    model: str | None,
    source: str | None = None,
    overlay: Path | None = None,
) -> EntityLinker:
    """A linker by the settings of the environment, but for what is chosen here."""
    return linker_from_settings(
        read_settings(os.environ, index=index, model=model, source=source, overlay=overlay), detector
    )


def linker_from_settings(settings: Settings, detector: str = "both") -> EntityLinker:
    """A linker over the sources that the settings name. Mentions are detected with the index, whatever the sources.

    Raises `IndexNotFound`, `IndexFormatError`, `ModelNotInstalled`, `InvalidInput`.
    """
    return _linker_over(_Knowledge(settings), detector)


def identifiers_from_settings(settings: Settings) -> IdentifierLookup:
    """Looks identifiers up at the SPARQL endpoint that the settings name. Raises `InvalidInput` without a contact."""
    return _identifiers_over(_Knowledge(settings))


def linker_and_identifiers(settings: Settings, detector: str) -> tuple[EntityLinker, IdentifierLookup | None]:
    """Both over the same sources, which keep what either asks for; no identifiers where there is no contact.

    Raises what `linker_from_settings` raises.
    """
    knowledge = _Knowledge(settings)
    linker = _linker_over(knowledge, detector)
    return linker, _identifiers_over(knowledge) if settings.contact else None


def linker_from_index(path: Path, detector: str = "both", model: str | None = None) -> EntityLinker:
    """A linker over the index in this folder alone.

    Raises `IndexNotFound`, `IndexFormatError`, `ModelNotInstalled`, `InvalidInput`.
    """
    index = open_index(path)
    return _linker((_local(index),), index, detector, model)


class Parts(NamedTuple):
    """What a linker over one index is made of."""

    source: KnowledgeSource
    detector: Detector
    judges: Judges


def parts_of_index(path: Path, detector: str = "both", model: str | None = None) -> Parts:
    """What links texts with the index in this folder alone, for what looks into the stages of linking.

    Raises `IndexNotFound`, `IndexFormatError`, `ModelNotInstalled`, `InvalidInput`.
    """
    index = open_index(path)
    return Parts(_local(index), _detector(detector, index, model), _judges(index))


def cache_from_settings(settings: Settings) -> Cache:
    """The Redis cache where a server is named, else one in the memory of each process."""
    if not settings.redis_url:
        return MemoryCache()
    # A process that waits for a live source is not given up before its time.
    waits = settings.contact and settings.source != "index"
    return RedisCache(settings.redis_url, FLIGHT + settings.wikidata_deadline if waits else FLIGHT)


class _Knowledge:
    """The index and the sources that the settings name, each made once."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        below = open_index(settings.index or starter_index(settings.cache))
        self.index = with_overlay(below, settings.overlay, settings.cache) if settings.overlay else below

    @cached_property
    def local(self) -> LocalSource:
        """The index as a source."""
        return _local(self.index)

    @cached_property
    def live_alone(self) -> KnowledgeSource:
        """Live Wikidata with what an overlay tells of, in the place of what the index knows."""
        return BesideSource(self.local, self.index, self.live) if self.index.has_overlay else self.live

    @cached_property
    def live(self) -> WikidataSource:
        """Live Wikidata, or another Wikibase. Raises `InvalidInput` without a contact."""
        return _wikidata(self.settings, self.index)


def _linker_over(knowledge: _Knowledge, detector: str) -> EntityLinker:
    settings = knowledge.settings
    sources = _sources(knowledge)
    return _linker(sources, knowledge.index, detector, settings.model, patience=settings.wikidata_deadline)


def _sources(knowledge: _Knowledge) -> tuple[KnowledgeSource, ...]:
    settings = knowledge.settings
    if settings.source not in SOURCES:
        raise InvalidInput("source", f"{settings.source!r} is unknown; choose from {', '.join(SOURCES)}")
    if settings.source == "wikidata":
        return (knowledge.live_alone,)
    if settings.source == "auto" and settings.contact:
        return knowledge.local, knowledge.live
    return (knowledge.local,)


def _identifiers_over(knowledge: _Knowledge) -> IdentifierLookup:
    settings = knowledge.settings
    live = knowledge.live
    catalogue = SparqlEndpoint(settings.sparql_url, required_contact(settings))
    sources = (knowledge.live_alone,) if settings.source == "wikidata" else (knowledge.local, live)
    return IdentifierLookup(catalogue, sources, settings.wikidata_deadline, knowledge.index.never)


def _linker(
    sources: Sequence[KnowledgeSource],
    index: OpenIndex,
    detector: str,
    model: str | None,
    patience: float = PATIENCE,
) -> EntityLinker:
    return EntityLinker(
        sources,
        _detector(detector, index, model),
        _judges(index),
        language_guesser([language for source in sources for language in source.languages]),
        name=f"{__version__} {detector} {model} {index.content_id}",
        patience=patience,
        extras=_extras(index),
        never=index.never,
    )


def _extras(index: OpenIndex) -> Extras:
    book = OfficeBook(index, tables.demonyms_of_places())
    roles = RoleTables(
        nouns=tables.role_nouns(),
        others=tables.role_names(),
        leaders=tables.leaders(),
        seats=tables.seats(),
        groups=tables.group_nouns(),
        idle=tables.stop_words(),
    )
    metonyms = Metonyms(book, frozenset(tables.leaders()), tables.actor_verbs(), tables.actor_nouns())
    return Extras(RoleReader(book, roles), metonyms)


def _judges(index: OpenIndex) -> Judges:
    """The judges over an index; the accurate one loads its encoder when it is asked for first."""
    meanings = index.meanings
    if meanings is None:
        return judges_without_vectors(default_ranker("plain"))
    fast = Judge(default_ranker("fast"), WordContexts(meanings.words, meanings.vectors))
    return Judges(fast, default_ranker("accurate"), cache(lambda: _sentences(meanings)))


def _sentences(meanings: Meanings) -> SentenceContexts:
    if meanings.encoder != MiniLmEncoder.name:
        raise IndexFormatError(
            f"The index's vectors were made by {meanings.encoder}, which is not known here: make them anew with "
            "`nedsvc index vectors DIR`."
        )
    return SentenceContexts(minilm_encoder(), meanings.plain, meanings.axes)


def _local(index: OpenIndex) -> LocalSource:
    spelling = Spelling(tables.titles(), tables.nicknames(), tables.company_forms())
    return LocalSource(index, spelling, tables.stop_words())


def _wikidata(settings: Settings, index: OpenIndex) -> WikidataSource:
    """Live Wikidata or another Wikibase, behind a cache. Raises `InvalidInput` without a contact."""
    contact = required_contact(settings)
    address = urlsplit(settings.wikidata_url)
    host = address.netloc
    client = WikibaseClient(Transport(settings.wikidata_url, contact, _pace(settings, host)))
    pages = f"{address.scheme}://{host}/{'wiki' if settings.wikidata_url == WIKIDATA_API else 'entity'}/"
    name = f"{host}{address.path.removesuffix('/w/api.php')}"  # a host may have several wikis
    return WikidataSource(CachedWikibase(client, cache_from_settings(settings), name), index, name, pages)


def _pace(settings: Settings, name: str) -> Pace:
    """One budget of requests for all processes: of all machines through Redis, else of this one."""
    limits = Limits(a_minute=settings.wikidata_rate)
    of_machine = LockFilePace(cache_folder(settings.cache), name, limits)
    return RedisPace(settings.redis_url, name, limits, of_machine) if settings.redis_url else of_machine


def _detector(name: str, index: OpenIndex, model: str | None) -> Detector:
    if name not in DETECTORS:
        raise InvalidInput("detector", f"{name!r} is unknown; choose from {', '.join(DETECTORS)}")
    common, calendar = tables.common_words(), tables.calendar_words()
    found: list[Detector] = []
    if name != "spacy":
        found.append(Gazetteer(index, common, calendar))
    if name != "gazetteer":
        found.append(_spacy_detector(model))
    words = Words(tables.titles(), common, tables.shortened_words())
    trimmed = [TrimmedDetector(detector, index, words) for detector in found]
    return RecurringDetector(UnionDetector(trimmed), index, common | calendar)


@cache
def _spacy_detector(model: str | None) -> Detector:
    """The model takes a second to load and much of a process' memory: linkers over one index after another share it."""
    # spaCy takes a second to import, which the gazetteer alone need not wait for.
    from nedsvc.detect.spacy_ner import DEFAULT_MODEL, SpacyDetector, load_model  # noqa: PLC0415

    return SpacyDetector(load_model(model or DEFAULT_MODEL))
