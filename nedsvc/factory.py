"""From settings to a linker: the only place that names concrete sources and detectors."""

import os
from pathlib import Path

from nedsvc import __version__, tables
from nedsvc.cache import Cache
from nedsvc.cache.memory import MemoryCache
from nedsvc.cache.redis import RedisCache
from nedsvc.detect import Detector
from nedsvc.detect.gazetteer import Gazetteer
from nedsvc.detect.recurring import RecurringDetector
from nedsvc.detect.trim import TrimmedDetector
from nedsvc.detect.union import UnionDetector
from nedsvc.errors import InvalidInput
from nedsvc.index.reader import Index
from nedsvc.language import language_guesser
from nedsvc.linker import EntityLinker
from nedsvc.ranking import Ranker, default_ranker
from nedsvc.settings import Settings, read_settings
from nedsvc.sources.local import LocalSource
from nedsvc.starter import starter_index

DETECTORS = ("both", "spacy", "gazetteer")


def linker_from_environment(index: Path | None, detector: str, model: str | None) -> EntityLinker:
    """A linker by the settings of the environment, but for what is chosen here."""
    return linker_from_settings(read_settings(os.environ, index=index, model=model), detector)


def linker_from_settings(settings: Settings, detector: str = "both") -> EntityLinker:
    """A linker over the index that the settings name, else over the starter index."""
    path = settings.index or starter_index(settings.cache)
    return linker_from_index(path, detector, settings.model)


def cache_from_settings(settings: Settings) -> Cache:
    """The Redis cache where a server is named, else one in the memory of each process."""
    return RedisCache(settings.redis_url) if settings.redis_url else MemoryCache()


def linker_from_index(
    path: Path, detector: str = "both", model: str | None = None, ranker: Ranker | None = None
) -> EntityLinker:
    """A linker over the index in this folder, with the shipped weights unless a ranker is given.

    Raises `IndexNotFound`, `IndexFormatError`, `ModelNotInstalled`, `InvalidInput`.
    """
    index = Index.open(path)
    source = LocalSource(index, tables.titles(), tables.stop_words())
    return EntityLinker(
        [source],
        _detector(detector, index, model),
        ranker or default_ranker(),
        language_guesser(source.languages),
        name=f"{__version__} {detector} {model}",
    )


def _detector(name: str, index: Index, model: str | None) -> Detector:
    if name not in DETECTORS:
        raise InvalidInput("detector", f"{name!r} is unknown; choose from {', '.join(DETECTORS)}")
    common, calendar = tables.common_words(), tables.calendar_words()
    found: list[Detector] = []
    if name != "spacy":
        found.append(Gazetteer(index, common, calendar))
    if name != "gazetteer":
        found.append(_spacy_detector(model))
    trimmed = [TrimmedDetector(detector, index, tables.titles(), common) for detector in found]
    return RecurringDetector(UnionDetector(trimmed), index, common | calendar)


def _spacy_detector(model: str | None) -> Detector:
    # spaCy takes a second to import, which the gazetteer alone need not wait for.
    from nedsvc.detect.spacy_ner import DEFAULT_MODEL, SpacyDetector, load_model  # noqa: PLC0415

    return SpacyDetector(load_model(model or DEFAULT_MODEL))
