"""Slices of the shared sample: the items with some QIDs, or those that a search for some names may find.

Nothing here needs pytest: benchmarks import it too.
"""

import itertools
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Callable, Collection, Container, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import cast

import msgspec
from faults import Json
from isal import igzip

from nedsvc.names import fold, fold_all, fold_token


class _Term(msgspec.Struct, gc=False):
    value: str


class _Terms(msgspec.Struct, gc=False):
    labels: dict[str, _Term]
    descriptions: dict[str, _Term]
    aliases: dict[str, list[_Term]]

    def names(self) -> set[str]:
        """The labels and aliases of all languages."""
        aliases = itertools.chain.from_iterable(self.aliases.values())
        return {term.value for term in itertools.chain(self.labels.values(), aliases)}

    def described(self) -> set[str]:
        """The descriptions of all languages."""
        return {term.value for term in self.descriptions.values()}


_TERMS = msgspec.json.Decoder(_Terms)
_OF_STATEMENT, _OF_SITELINK = b'"type":"statement"', b'"site":"'


def sample_slice(shared: Path, wanted: Container[str] | Callable[[Json], bool]) -> list[Json]:
    """The items of the shared sample with these QIDs (a few seconds), or for which the function holds (some more)."""
    if callable(wanted):
        return [item for item in map(_decoded, _lines(shared)) if wanted(item)]
    return [_decoded(line) for line in _lines(shared) if _id_of(line) in wanted]


def names_slice(shared: Path, names: Iterable[str], extra: Collection[str] = (), most: int = 50) -> list[Json]:
    """The items of the shared sample that a search for one of the names may find, and those with the `extra` QIDs.

    For each name: those that have it; of those whose name begins so, and of those that have all its words in names and
    descriptions, the `most` with the largest number of statements and sitelinks.
    """
    finder = _Finder(names)
    lines = _lines(shared)
    while batch := list(itertools.islice(lines, 5_000)):
        finder.see(batch)
    return sample_slice(shared, finder.chosen(most) | set(extra))


class _Finder:
    """Looks for names in the lines of the sample, seen batch by batch."""

    def __init__(self, names: Iterable[str]) -> None:
        self._keys = sorted({key for name in names if (key := fold(name))})
        self._shorter = _longest_beginnings(self._keys)
        self._by_word: dict[str, list[frozenset[str]]] = defaultdict(list)
        for words in {frozenset(key.split()) for key in self._keys}:
            # Under a word that few items have, most likely the longest: the others need no closer look.
            self._by_word[max(words, key=lambda word: (len(word), word))].append(words)
        self._exact: set[str] = set()
        self._ranked: dict[str | frozenset[str], list[tuple[int, str]]] = defaultdict(list)
        self._fold_word = cache(fold_token)

    def see(self, lines: Sequence[bytes]) -> None:
        """Notes for which names these items may be found."""
        items = [_TERMS.decode(line) for line in lines]
        names = self._folded(item.names() for item in items)
        descriptions = self._folded(item.described() for item in items)
        for line, keys, described in zip(lines, names, descriptions, strict=True):
            words = set(" ".join(keys + described).split())
            wanted: set[str | frozenset[str]] = {*self._held(words)}
            wanted.update(itertools.chain.from_iterable(map(self._begun, keys)))
            if wanted:
                self._note(line, wanted, set(keys))

    def chosen(self, most: int) -> set[str]:
        """The QIDs for all names."""
        best = (sorted(found)[:most] for found in self._ranked.values())
        return self._exact.union(id_ for found in best for _, id_ in found)

    def _folded(self, texts: Iterable[Collection[str]]) -> Iterator[list[str]]:
        texts = list(texts)
        folded = iter(fold_all(itertools.chain.from_iterable(texts), self._fold_word))
        return (list(itertools.islice(folded, len(some))) for some in texts)

    def _begun(self, key: str) -> Iterator[str]:
        """The names that it begins with."""
        at = bisect_right(self._keys, key) - 1
        while at >= 0:
            if key.startswith(self._keys[at]):
                yield self._keys[at]
            at = self._shorter[at]

    def _held(self, words: set[str]) -> Iterator[frozenset[str]]:
        """The words of names that are all among these."""
        for word in words & self._by_word.keys():
            yield from (wanted for wanted in self._by_word[word] if wanted <= words)

    def _note(self, line: bytes, wanted: Iterable[str | frozenset[str]], keys: set[str]) -> None:
        id_ = _id_of(line)
        ranked = (-line.count(_OF_STATEMENT) - line.count(_OF_SITELINK), id_)
        for each in wanted:
            if each in keys:
                self._exact.add(id_)
            else:
                self._ranked[each].append(ranked)


def _longest_beginnings(keys: Sequence[str]) -> list[int]:
    """For each of the sorted keys the place of the longest other one that it begins with, or -1.

    So all that a text begins with are found from the last key that is not greater: it and, in turn, its beginnings.
    """
    beginnings: list[int] = []
    for key in keys:
        at = len(beginnings) - 1
        while at >= 0 and not key.startswith(keys[at]):
            at = beginnings[at]
        beginnings.append(at)
    return beginnings


def _lines(shared: Path) -> Iterator[bytes]:
    with igzip.open(shared / "wikidata-sample" / "sample.json.gz", "rb") as file:
        for line in file:
            if line.startswith(b"{"):
                yield line.rstrip(b",\r\n")


def _id_of(line: bytes) -> str:
    begin = line.index(b'"id":"') + 6
    return line[begin : line.index(b'"', begin)].decode()


def _decoded(line: bytes) -> Json:
    return cast(Json, msgspec.json.decode(line))
