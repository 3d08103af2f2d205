"""Names that are nearly the one asked for: misspelt, with words swapped, missing or added.

Typing errors are found by deletions: a word and each form of it with one character deleted are hashed; two words at
one edit from each other have such a form in common. The hash of a word s is the sum of s[j]·B^j modulo 2^64, so that
all deletions of all words come out of one running sum.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz
from rapidfuzz.distance import DamerauLevenshtein

from nedsvc.index.arrays import Ints, distinct, expand
from nedsvc.index.format import MAX_NAMES_OF_WORD
from nedsvc.index.tries import Tries

WORD_ID_BITS = 28
HASH_BITS = 64 - WORD_ID_BITS
SHORTEST, LONGEST = 4, 40
LEAST_SIMILAR = 0.5
_LEAST_SIMILAR_WORD = 0.7
_MOST_WORDS = 16
_REMEMBERED_WORDS = 10_000
_MOST_FORMS = 32
_MOST_CANDIDATES = MAX_NAMES_OF_WORD
_MOST_COMPARED = 30
_BASE = 0x9E3779B97F4A7C15
_MODULUS = 1 << 64
_INVERSE = pow(_BASE, -1, _MODULUS)
_POWERS = tuple(pow(_BASE, place, _MODULUS) for place in range(LONGEST))
_WORD_ID = (1 << WORD_ID_BITS) - 1


def deletion_table(words: Sequence[str]) -> NDArray[np.uint64]:
    """Hashes of words and of their deletions, sorted; the low bits say which word it is.

    Numbers and very short words are left out: one character makes another one of them.
    """
    ids = np.array([i for i, word in enumerate(words) if _may_be_misspelt(word)], dtype=np.uint64)
    hashes, owners = deletion_hashes([words[i] for i in ids.tolist()])
    return distinct(_shortened(hashes) << np.uint64(WORD_ID_BITS) | ids[owners])


def similar_words(table: NDArray[np.uint64], word: str) -> list[int]:
    """The ids of words that may be at one edit from this one, sorted."""
    if not _may_be_misspelt(word):
        return []
    wanted = _shortened(np.array(list(_hashes(word)), dtype=np.uint64))
    low = np.searchsorted(table, wanted << np.uint64(WORD_ID_BITS))
    high = np.searchsorted(table, (wanted + np.uint64(1)) << np.uint64(WORD_ID_BITS))
    found = [table[a:b].tolist() for a, b in zip(low.tolist(), high.tolist(), strict=True) if a < b]
    return sorted({entry & _WORD_ID for entries in found for entry in entries})


def _hashes(word: str) -> Iterator[int]:
    """What `deletion_hashes` gives for a single word; numpy takes ten times as long for so few characters."""
    terms = [ord(letter) * power for letter, power in zip(word, _POWERS, strict=False)]
    total, before = sum(terms), 0
    yield total % _MODULUS
    for term in terms:
        yield (before + (total - before - term) * _INVERSE) % _MODULUS
        before += term


def deletion_hashes(words: Sequence[str]) -> tuple[NDArray[np.uint64], Ints]:
    """The hash of each word and of each word with one character deleted, and the positions of their words."""
    lengths = np.fromiter(map(len, words), dtype=np.int64, count=len(words))
    codes = np.frombuffer("".join(words).encode("utf-32-le"), dtype="<u4").astype(np.uint64)
    owners = np.repeat(np.arange(len(words)), lengths)
    begin = np.cumsum(lengths) - lengths
    powers = _powers(int(lengths.max(initial=0)))
    # `before` is the running sum up to each character, counted from its word's begin.
    terms = codes * powers[np.arange(len(codes)) - begin[owners]]
    running = np.concatenate((np.zeros(1, dtype=np.uint64), np.cumsum(terms, dtype=np.uint64)))
    before = running[:-1] - running[begin][owners]
    total = running[begin + lengths] - running[begin]
    deleted = before + (total[owners] - before - terms) * np.uint64(_INVERSE)
    return np.concatenate((total, deleted)), np.concatenate((np.arange(len(words)), owners))


def _powers(count: int) -> NDArray[np.uint64]:
    powers = np.full(max(count, 1), _BASE, dtype=np.uint64)
    powers[0] = 1
    return np.cumprod(powers, dtype=np.uint64)


def _shortened(hashes: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """The upper bits of a hash, mixed first: the table has room for these beside the word's id."""
    mixed = (hashes ^ hashes >> np.uint64(32)) * np.uint64(0xD6E8FEB86659FD93)
    # The topmost value is spared, so that the next one never overflows.
    return np.minimum(  # type: ignore[no-any-return]
        mixed >> np.uint64(WORD_ID_BITS), np.uint64((1 << HASH_BITS) - 2)
    )


def _may_be_misspelt(word: str) -> bool:
    return SHORTEST <= len(word) <= LONGEST and not word.isdigit()


class _Expanded(msgspec.Struct, frozen=True):
    """A word of the name asked for: the known words that it may be, how similar each is, and how telling it is."""

    ids: list[int]
    similarities: list[float]
    weight: float


class SimilarNames:
    """Finds the names of an index that are nearly the one asked for."""

    def __init__(self, names: Tries, words: Tries, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._names = names
        self._words = words
        self._deletions = arrays["deletions"]
        self._weights = arrays["word_weights"]
        self._word_key_start, self._word_keys = arrays["word_key_start"], arrays["word_keys"]
        self._key_word_start, self._key_words = arrays["key_word_start"], arrays["key_words"]
        self._posting_start, self._posting_rows = arrays["posting_start"], arrays["posting_rows"]
        self._popularity = arrays["popularity"]
        self._unknown = math.log1p(len(names))
        self._expanded = lru_cache(_REMEMBERED_WORDS)(self._expand)

    def find(self, key: str, limit: int) -> list[tuple[str, float]]:
        """The best names with their similarity from 0 to 1.

        A name is as similar as its words overlap with those asked for, rare words counting more, or as its letters
        do when the words are sorted, whichever is more. Ties go to the more popular name, then to the alphabet.
        """
        expanded = [self._expanded(word) for word in key.split()[:_MOST_WORDS]]
        candidates = self._candidates(expanded)
        if not len(candidates):
            return []
        overlaps = self._overlaps(expanded, candidates)
        found = []
        for number, overlap, popularity in self._promising(candidates, overlaps):
            name = self._names.restore_key(number)
            similarity = round(max(overlap, fuzz.token_sort_ratio(key, name) / 100), 4)
            if similarity >= LEAST_SIMILAR:
                found.append((-similarity, -popularity, name))
        return [(name, -negative) for negative, _, name in sorted(found)[:limit]]

    def longer(self, key: str, limit: int) -> list[str]:
        """The names that hold all words of this one and more, those of the most popular first.

        Of the names with its rarest word the most popular are looked through.
        """
        words_asked = key.split()[: _MOST_WORDS + 1]
        numbers = [number for number in map(self._words.get, words_asked) if number is not None]
        if not 0 < len(numbers) == len(words_asked) <= _MOST_WORDS:
            return []
        ids = sorted(numbers, key=lambda id_: -self._weights[id_])
        names = self._word_keys[self._word_key_start[ids[0]] :][: self._holding(ids[0])].astype(np.int64)
        words, owners = expand(self._key_word_start, self._key_words, names)
        for id_ in ids[1:]:
            names = names[np.bincount(owners[words == id_], minlength=len(names)) > 0]
            words, owners = expand(self._key_word_start, self._key_words, names)
        lengths = self._key_word_start[names + 1] - self._key_word_start[names]
        return [self._names.restore_key(number) for number in names[lengths > len(ids)][:limit].tolist()]

    def _holding(self, word: int) -> int:
        """How many names with this word are looked through."""
        return min(int(self._word_key_start[word + 1] - self._word_key_start[word]), _MOST_CANDIDATES)

    def _expand(self, word: str) -> _Expanded:
        number = self._words.get(word)
        similarities = {} if number is None else {number: 1.0}
        for other in similar_words(self._deletions, word):
            similarity = DamerauLevenshtein.normalized_similarity(word, self._words.restore_key(other))
            if similarity >= _LEAST_SIMILAR_WORD:
                similarities.setdefault(other, similarity)
        ids = sorted(similarities, key=lambda id_: (-similarities[id_], id_))[:_MOST_FORMS]
        return _Expanded(
            ids, [similarities[id_] for id_ in ids], float(self._weights[ids[0]]) if ids else self._unknown
        )

    def _candidates(self, expanded: Sequence[_Expanded]) -> Ints:
        """Names that hold one of the words, those with the rarest first, and no more than can be compared fast."""
        ids = sorted({id_ for word in expanded for id_ in word.ids}, key=lambda id_: (-self._weights[id_], id_))
        parts: list[Ints] = []
        room = _MOST_CANDIDATES
        for id_ in ids:
            part = self._word_keys[self._word_key_start[id_] : self._word_key_start[id_ + 1]][:room]
            parts.append(part)
            room -= len(part)
            if not room:
                break
        if not parts:
            return np.zeros(0, dtype=np.int64)
        found = np.sort(np.concatenate(parts)).astype(np.int64)
        return found[np.diff(found, prepend=-1) > 0]

    def _overlaps(self, expanded: Sequence[_Expanded], candidates: Ints) -> NDArray[np.float64]:
        """How much of the weight of both names is in words that they share (Dice's coefficient)."""
        words, owners = expand(self._key_word_start, self._key_words, candidates)
        weights = self._weights[words]
        ids, similarities = _similarity_table(expanded)
        places = np.minimum(np.searchsorted(ids, words), len(ids) - 1)
        hit = ids[places] == words
        places, hit_owners = places[hit], owners[hit]
        count = len(candidates)
        of_name = np.bincount(owners, weights, count)
        matched_in_name = np.bincount(hit_owners, weights[hit] * similarities.max(axis=0)[places], count)
        asked = np.array([word.weight for word in expanded])
        first = np.flatnonzero(np.diff(hit_owners, prepend=-1))
        matched_in_asked = asked @ np.maximum.reduceat(similarities[:, places], first, axis=1)
        matched_in_name[hit_owners[first]] += matched_in_asked
        return matched_in_name / (of_name + asked.sum())  # type: ignore[no-any-return]

    def _promising(self, candidates: Ints, overlaps: NDArray[np.float64]) -> Iterator[tuple[int, float, float]]:
        """The candidates that overlap most, with how much and how popular; ties at the border: the lower number."""
        order = np.argsort(-overlaps, kind="stable")[:_MOST_COMPARED]
        numbers = candidates[order]
        popularity = self._popularity[self._posting_rows[self._posting_start[numbers]]]
        return zip(numbers.tolist(), overlaps[order].tolist(), popularity.tolist(), strict=True)


def _similarity_table(expanded: Sequence[_Expanded]) -> tuple[Ints, NDArray[np.float64]]:
    """The known words that are meant, sorted, and how similar each word asked for is to each of them."""
    ids = np.unique([id_ for word in expanded for id_ in word.ids])
    table = np.zeros((len(expanded), len(ids)))
    for row, word in enumerate(expanded):
        table[row, np.searchsorted(ids, word.ids)] = word.similarities
    return ids, table
