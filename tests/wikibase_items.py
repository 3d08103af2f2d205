"""The items of a Wikibase on loopback: how they are found, and which parts of them are given."""

import itertools
import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple, cast

from faults import Json
from rapidfuzz.distance import DamerauLevenshtein

from nedsvc.models import qid_number
from nedsvc.names import fold, fold_all, fold_token

MODIFIED = "2026-11-24T03:40:51Z"
_TO_SPACE = str.maketrans(dict.fromkeys("'’ʼ_-", " "))
_FUZZY_EDITS = 2
_ACCENTS = re.compile("[\u0300-\u036f\u0483-\u0487\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0670]")


class Name(NamedTuple):
    """A label or an alias, as it is written and as it is compared."""

    key: str
    language: str
    is_alias: bool
    text: str


class Items:
    """The items of a server and how they are found. The most popular come first everywhere."""

    def __init__(self, items: Iterable[Json]) -> None:
        found = {item["id"]: item for item in items}
        popularity = _popularity(found)
        order = sorted(found, key=lambda id_: (-popularity[id_], qid_number(id_)))
        self.by_id: dict[str, Json] = {id_: found[id_] for id_ in order}
        self._ids = order
        self._names = {id_: _names_of(item) for id_, item in self.by_id.items()}
        self.languages = frozenset(name.language for names in self._names.values() for name in names)
        keys = sorted(
            (key, rank) for rank, names in enumerate(self._names.values()) for key in {name.key for name in names}
        )
        self._keys = [key for key, _ in keys]
        self._ranks = [rank for _, rank in keys]
        self._with_name: dict[str, set[int]] = defaultdict(set)
        self._with_word: dict[str, set[int]] = defaultdict(set)
        self._read_words()

    def _read_words(self) -> None:
        fold_word = cache(fold_token)
        for rank, (id_, item) in enumerate(self.by_id.items()):
            folded = set(fold_all({name.text for name in self._names[id_]}, fold_word))
            described = fold_all({term["value"] for term in (item.get("descriptions") or {}).values()}, fold_word)
            for key in folded:
                self._with_name[key].add(rank)
            for word in {word for key in (*folded, *described) for word in key.split()}:
                self._with_word[word].add(rank)

    def beginning(self, search: str, language: str | None = None) -> list[str]:
        """The items with a name that begins so, those with exactly this name first."""
        key = compared(search)
        if not key:
            return []
        begin, end, stop = self._begin(key), bisect_right(self._keys, key), self._end(key)
        exact = set(self._ranks[begin:end])
        others = set(self._ranks[end:stop]) - exact
        ids = [self._ids[rank] for rank in (*sorted(exact), *sorted(others))]
        return [id_ for id_ in ids if not language or self._is_named(id_, key, language)]

    def name_beginning(self, id_: str, search: str, language: str) -> Name:
        """The name for which an item was found: the exact one, in the language, a label."""
        key = compared(search)
        preferred = {code: rank for rank, code in enumerate(fallbacks(language))}
        names = (name for name in self._names[id_] if name.key.startswith(key))
        return min(
            names,
            key=lambda name: (name.key != key, preferred.get(name.language, len(preferred)), name.is_alias, name.text),
        )

    def with_words(self, search: str) -> list[str]:
        """The items that have all the words in names and descriptions, those with exactly this name first.

        A word with a tilde behind it may differ by two letters, as in CirrusSearch's fuzzy search.
        """
        sets = sorted((self._having(word) for word in search.split() if fold(word)), key=len)
        if not sets:
            return []
        exact = self._with_name.get(fold(search), set())
        return [self._ids[rank] for rank in sorted(set.intersection(*sets), key=lambda rank: (rank not in exact, rank))]

    def _having(self, word: str) -> set[int]:
        """The ranks of the items that have the word, or the words that it is folded to."""
        keys = fold(word).split()
        if not word.endswith("~"):
            return set.intersection(*(self._with_word.get(key, set()) for key in keys))
        near = (
            known
            for known in self._with_word
            if DamerauLevenshtein.distance(known, keys[-1], score_cutoff=_FUZZY_EDITS) <= _FUZZY_EDITS
        )
        return set().union(*(self._with_word[known] for known in near))

    def _begin(self, key: str) -> int:
        return bisect_left(self._keys, key)

    def _end(self, key: str) -> int:
        return bisect_left(self._keys, key + "\U0010ffff")

    def _is_named(self, id_: str, key: str, language: str) -> bool:
        return any(name.language == language and name.key.startswith(key) for name in self._names[id_])


class Wanted(NamedTuple):
    """Which parts of an item were asked for."""

    props: tuple[str, ...]
    languages: tuple[str, ...] | None
    falls_back: bool
    sites: tuple[str, ...]

    def of(self, item: Json) -> Json:
        """The parts of this item."""
        id_ = item["id"]
        parts: Json = {"type": "item", "id": id_}
        if "info" in self.props:
            parts = {
                "pageid": page_id(item),
                "ns": 0,
                "title": id_,
                "lastrevid": item.get("lastrevid", 1_000_000_000 + qid_number(id_)),
                "modified": item.get("modified", MODIFIED),
            } | parts
        for name in ("labels", "descriptions", "aliases"):
            if name in self.props:
                parts[name] = self._terms(item.get(name) or {}, self.falls_back and name != "aliases")
        if "claims" in self.props:
            parts["claims"] = item.get("claims") or {}
        if {"sitelinks", "sitelinks/urls"} & set(self.props):
            links = item.get("sitelinks") or {}
            parts["sitelinks"] = {site: link for site, link in links.items() if not self.sites or site in self.sites}
        return parts

    def _terms(self, terms: Json, falls_back: bool) -> Json:
        if self.languages is None:
            return terms
        if not falls_back:
            return {language: terms[language] for language in self.languages if language in terms}
        known = {
            language: next((code for code in fallbacks(language) if code in terms), None) for language in self.languages
        }
        return {
            language: terms[code] if code == language else _stand_in(terms[code]["value"], code, language)
            for language, code in known.items()
            if code
        }


def _stand_in(value: str, language: str, wanted: str) -> Json:
    return {"value": value, "language": language, "for-language": wanted}


@cache
def fallbacks(language: str) -> tuple[str, ...]:
    """The language and those whose texts stand in for it: "pt-br", "pt", "mul", "en"."""
    parts = language.split("-")
    shorter = ["-".join(parts[:size]) for size in range(len(parts), 0, -1)]
    return tuple(dict.fromkeys([*shorter, "mul", "en"]))


def page_id(item: Json) -> int:
    return cast(int, item.get("pageid", 100 + qid_number(item["id"])))


def compared(name: str) -> str:
    """A name as the prefix search compares it: without case, accents, and doubled spaces; a hyphen is a space."""
    spaced = name.translate(_TO_SPACE)
    plain = spaced if spaced.isascii() else _ACCENTS.sub("", unicodedata.normalize("NFKD", spaced))
    return " ".join(plain.casefold().split())


def _names_of(item: Json) -> list[Name]:
    labels = [(term, False) for term in (item.get("labels") or {}).values()]
    aliases = [(term, True) for terms in (item.get("aliases") or {}).values() for term in terms]
    return [
        Name(compared(term["value"]), term["language"], is_alias, term["value"]) for term, is_alias in labels + aliases
    ]


def _popularity(items: Mapping[str, Json]) -> Counter[str]:
    """Statements, sitelinks, and the other items that link to it."""
    counts: Counter[str] = Counter()
    for id_, item in items.items():
        statements = list(itertools.chain.from_iterable((item.get("claims") or {}).values()))
        counts[id_] += len(statements) + len(item.get("sitelinks") or {})
        counts.update({target for target in _targets(statements) if target in items} - {id_})
    return counts


def _targets(statements: Iterable[Json]) -> Iterator[str]:
    for statement in statements:
        value = statement["mainsnak"].get("datavalue", {}).get("value")
        if isinstance(value, dict) and "numeric-id" in value:
            yield value.get("id", f"Q{value['numeric-id']}")
