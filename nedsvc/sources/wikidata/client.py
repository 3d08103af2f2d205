"""Asks a Wikibase for names and items: a request for each name, fifty items in one request."""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import TypeVar

import msgspec

from nedsvc.errors import SourceUnavailable
from nedsvc.models import is_qid
from nedsvc.sources.wikidata.api import MOST_IDS, Entities, entities, page_ids, search_ids
from nedsvc.sources.wikidata.records import Ids, LiveAnswer, Way
from nedsvc.sources.wikidata.together import ask_together
from nedsvc.sources.wikidata.transport import Transport
from nedsvc.wikibase import LANGUAGE_FOR_ALL, ItemReader

MOST_HITS = 10  # items that a name may lead to
_LONGEST_NAME = 250  # characters; Wikibase's own limit for a name
_SHORTEST_MISSPELT = 5  # letters
_UNSPEAKABLE = re.compile(r"[\x00-\x1f\x7f]+")
_FALLBACK = "en"

Answer = TypeVar("Answer")


class WikibaseClient:
    """The `Wikibase` at the other end of a transport."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._reader = lru_cache(64)(_reader)

    def find(self, names: Sequence[str], language: str, way: Way, until: float) -> dict[str, Ids]:
        """The ids of the items that each name leads to; names that nothing can be called are not asked for."""
        asked = {name: _searchable(name) for name in names}
        distinct = sorted(set(filter(None, asked.values())))
        search = self._by_prefix if way == "prefix" else self._by_words
        found = dict(zip(distinct, ask_together(lambda name: search(name, language, until), distinct), strict=True))
        return {name: found.get(searched, ()) for name, searched in asked.items()}

    def items(self, ids: Sequence[str], language: str, until: float) -> dict[str, LiveAnswer]:
        """The item of each id. What cannot be the id of an item is not asked for: there is none."""
        found: dict[str, LiveAnswer] = dict.fromkeys(ids)
        pending = [id_ for id_ in found if is_qid(id_)]  # a single other one would fail all that are asked with it
        while pending:
            parts = [pending[first : first + MOST_IDS] for first in range(0, len(pending), MOST_IDS)]
            answers = ask_together(lambda part: self._entities(part, language, until), parts)
            pending = []
            for part, answer in zip(parts, answers, strict=True):
                if isinstance(answer, SourceUnavailable):
                    found |= dict.fromkeys(part, answer)
                else:
                    found |= answer.found | {id_: _unreadable(id_, why) for id_, why in answer.broken.items()}
                    pending += answer.vanished
        return found

    def _by_prefix(self, name: str, language: str, until: float) -> tuple[str, ...]:
        return self._asked(
            lambda body: search_ids(body)[:MOST_HITS],
            {
                "action": "wbsearchentities",
                "search": name,
                "language": language,
                "uselang": language,
                "type": "item",
                "limit": str(MOST_HITS),
            },
            until,
        )

    def _by_words(self, name: str, language: str, until: float) -> tuple[str, ...]:  # noqa: ARG002 (texts of all)
        return self._asked(
            lambda body: page_ids(body)[:MOST_HITS],
            {
                "action": "query",
                "list": "search",
                "srsearch": _words(name),
                "srnamespace": "0",
                "srlimit": str(MOST_HITS),
                "srprop": "",
            },
            until,
        )

    def _entities(self, ids: Sequence[str], language: str, until: float) -> Entities:
        reader = self._reader(language)
        retrieved = datetime.now(UTC).isoformat(timespec="seconds")
        answer = self._asked(
            lambda body: entities(body, ids, reader, retrieved),
            {
                "action": "wbgetentities",
                "ids": "|".join(ids),
                "props": "info|labels|aliases|descriptions|claims|sitelinks",
                "languages": "|".join(_languages(language)),
                "languagefallback": "1",
            },
            until,
            insist=True,  # what names led to is not lost because other names failed
        )
        if len(answer.vanished) == len(ids):
            raise SourceUnavailable(f"{self._transport.url} says nothing of {ids[0]}, not even that it is missing")
        return answer

    def _asked(
        self, read: Callable[[bytes], Answer], parameters: Mapping[str, str], until: float, *, insist: bool = False
    ) -> Answer:
        body = self._transport.get({"format": "json", "formatversion": "2", **parameters}, until, insist=insist)
        try:
            return read(body)
        except (msgspec.MsgspecError, ValueError) as error:
            raise SourceUnavailable(f"{self._transport.url} answers in a way that is not known: {error}") from error


def _unreadable(id_: str, why: str) -> SourceUnavailable:
    return SourceUnavailable(f"{id_} cannot be read: {why}")


def _reader(language: str) -> ItemReader:
    return ItemReader(_languages(language))


def _languages(language: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys((language, LANGUAGE_FOR_ALL, _FALLBACK)))


def _searchable(name: str) -> str:
    """The name as it is searched for; "" for what nothing can be called."""
    plain = " ".join(_UNSPEAKABLE.sub(" ", name).split())
    return plain if len(plain) <= _LONGEST_NAME and re.search(r"\w", plain) else ""


def _words(name: str) -> str:
    """The words of the name for the full-text search, long ones with a typo's leave.

    A tilde lets a word differ by a letter or two (https://www.mediawiki.org/wiki/Help:CirrusSearch#Fuzzy_search);
    what else the search would take for an operator is left out.
    """
    # Vowels and accents may be signs of their own, which belong to the letter before them.
    plain = "".join(sign if sign.isalnum() or unicodedata.category(sign)[0] == "M" else " " for sign in name)
    return " ".join(f"{word}~" if _may_be_misspelt(word) else word for word in plain.split())


def _may_be_misspelt(word: str) -> bool:
    return len(word) >= _SHORTEST_MISSPELT and word.isalpha()
