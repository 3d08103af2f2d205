"""The knowledge source over a live Wikibase: Wikidata, or another one."""

import time
from collections.abc import Mapping, Sequence
from threading import Lock

from cachetools import LRUCache, cached

from nedsvc.errors import SourceUnavailable
from nedsvc.language import KNOWN_LANGUAGES
from nedsvc.names import strip_possessive
from nedsvc.sources import Candidates, Known
from nedsvc.sources.wikidata.candidates import best_matches, candidates_among
from nedsvc.sources.wikidata.profile import Landmarks, Profile, profile_of, shown, table_numbers
from nedsvc.sources.wikidata.records import Ids, LiveAnswer, LiveItem, Way, Wikibase

_KEPT_PROFILES = 20_000
_SHARE_OF_NAMES = 0.7  # of the time that is left


class WikidataSource:
    """Candidates and entities of a Wikibase that is asked as they are needed.

    `id` names it in answers, and `pages` is where the addresses of its items begin. A name leads to items by its
    beginning, by its words where nobody among those bears it, and by the package's own tables; which of an item's names
    it matches is then found as in an index.
    """

    languages = KNOWN_LANGUAGES

    lasting = False

    def __init__(self, wikibase: Wikibase, landmarks: Landmarks, id: str, pages: str) -> None:
        self.id = id
        self._pages = pages
        self._wikibase = wikibase
        self._landmarks = landmarks
        self._profile = cached(LRUCache[tuple[int, int, str], Profile](_KEPT_PROFILES), key=_version, lock=Lock())(
            profile_of
        )

    def search(self, names: Sequence[str], language: str, until: float) -> dict[str, Candidates]:
        """What each name may mean; all names are looked up, and then all items are fetched, together."""
        found = self._by("prefix", names, language, until)
        unknown = [name for name, answer in found.items() if not _has_bearer(answer)]
        more = self._by("words", unknown, language, until)
        return found | {name: _joined(found[name], more[name]) for name in unknown}

    def fetch(self, ids: Sequence[str], language: str, until: float) -> dict[str, Known]:
        """The entities with these ids; unknown ids are left out."""
        items = self._wikibase.items(ids, language, until)
        return {
            id_: item if isinstance(item, SourceUnavailable) else shown(item, language, self.id, self._pages)
            for id_, item in items.items()
            if item is not None
        }

    def _by(self, way: Way, names: Sequence[str], language: str, until: float) -> dict[str, Candidates]:
        if not names:
            return {}
        searched = {name: " ".join(strip_possessive(name).split()) for name in names}
        # Names that are hard to come by must not take the time in which the items of the others are fetched.
        now = time.monotonic()
        enough = now + _SHARE_OF_NAMES * (until - now)
        hits = self._wikibase.find(list(dict.fromkeys(searched.values())), language, way, enough)
        leads = {name: _with_tables(name, hits[search]) for name, search in searched.items()}
        wanted = dict.fromkeys(id_ for ids in leads.values() if not isinstance(ids, SourceUnavailable) for id_ in ids)
        items = self._wikibase.items(list(wanted), language, until) if wanted else {}
        return {name: self._candidates(name, ids, items, language) for name, ids in leads.items()}

    def _candidates(self, name: str, ids: Ids, items: Mapping[str, LiveAnswer], language: str) -> Candidates:
        """The candidates among the items that a name leads to; the error where one of them could not be fetched."""
        if isinstance(ids, SourceUnavailable):
            return ids
        profiles: dict[int, Profile] = {}
        for id_ in ids:
            item = items[id_]
            if isinstance(item, SourceUnavailable):
                return item
            if item is not None:
                profiles[item.item.number] = self._profile(item, language, self._landmarks)
        return candidates_among(name, profiles.values())


def _has_bearer(answer: Candidates) -> bool:
    """Whether an entity bears the name itself, or it is not to be found out."""
    return isinstance(answer, SourceUnavailable) or any(one.kind not in {"partial", "similar"} for one in answer)


def _joined(first: Candidates, second: Candidates) -> Candidates:
    if isinstance(first, SourceUnavailable) or isinstance(second, SourceUnavailable):
        return first if isinstance(first, SourceUnavailable) else second
    return best_matches({one.number: one for one in (*second, *first)}.values())


def _version(live: LiveItem, language: str, _landmarks: Landmarks) -> tuple[int, int, str]:
    return live.item.number, live.revision, language


def _with_tables(name: str, ids: Ids) -> Ids:
    if isinstance(ids, SourceUnavailable):
        return ids
    return tuple(dict.fromkeys((*(f"Q{number}" for number in table_numbers(name)), *ids)))
