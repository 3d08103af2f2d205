"""Names that are nearly the one asked for: misspelt, with words swapped, missing or added.

Typing errors are found by deletions: a word and each form of it with one character deleted are hashed; two words at
one edit from each other have such a form in common. The hash of a word s is the sum of s[j]·B^j modulo 2^64, so that
all deletions of all words come out of one running sum.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray
from rapidfuzz import fuzz
from rapidfuzz.distance import DamerauLevenshtein

from nedsvc.index.arrays import Ints, distinct, expand, pack, starts_of
from nedsvc.index.format import MAX_NAMES_OF_WORD
from nedsvc.index.tries import Tries

WORD_ID_BITS = 28
HASH_BITS = 64 - WORD_ID_BITS
SHORTEST, LONGEST = 3, 40
SHORTEST_WITH_TWO, LONGEST_WITH_TWO = 6, 24
NEARLY_THE_SAME = 0.85
LEAST_SIMILAR = 0.5
_LEAST_SIMILAR_WORD, _LEAST_SIMILAR_AT_TWO_EDITS = 0.7, 0.66
_MOST_WORDS = 16
_REMEMBERED_WORDS = 10_000
_MOST_FORMS = 32
_MOST_FORMS_OF_NAME = 256
_SLOT_BITS = 8
_MOST_POSTINGS = 4_000
_MOST_CANDIDATES = 400
_MOST_COMPARED = 30
_MOST_GUESSES = 12
_UNSURE = 0.5
_ALPHABETS = tuple(
    "".join(map(chr, range(first, last + 1)))
    for first, last in ((0x61, 0x7A), (0x3B1, 0x3C9), (0x430, 0x45F), (0x5D0, 0x5EA), (0x621, 0x64A), (0x904, 0x939))
)
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
    """The ids of words that may be at one edit from this one, sorted; of a word of three letters, longer ones only."""
    if not _may_be_misspelt(word):
        return []
    # One letter makes another word of a short one: only those are alike that have one more than it.
    hashes = list(_hashes(word)) if len(word) > SHORTEST else [next(_hashes(word))]
    wanted = _shortened(np.array(hashes, dtype=np.uint64))
    low = np.searchsorted(table, wanted << np.uint64(WORD_ID_BITS))
    high = np.searchsorted(table, (wanted + np.uint64(1)) << np.uint64(WORD_ID_BITS))
    found = [table[a:b].tolist() for a, b in zip(low.tolist(), high.tolist(), strict=True) if a < b]
    return sorted({entry & _WORD_ID for entries in found for entry in entries})


def words_at_two_edits(table: NDArray[np.uint64], word: str) -> list[int]:
    """The ids of words that may be at two edits from this one, sorted.

    A table of two deletions of each word would be some five times as large. Instead, one of the edits is undone in
    every way, with each letter of the word's script, and the other found as `similar_words` does.
    """
    if not _may_be_misspelt_twice(word):
        return []
    wanted = distinct(_shortened(_twice_edited_hashes(word))) << np.uint64(WORD_ID_BITS)
    places = np.minimum(np.searchsorted(table, wanted), max(0, len(table) - 1))
    ends = np.uint64(1 << WORD_ID_BITS)
    hits = np.flatnonzero(table[places] - wanted < ends) if len(table) else places[:0]
    found: set[int] = set()
    for place, begin in zip(places[hits].tolist(), wanted[hits], strict=True):
        of_hash = table[place : place + int(np.searchsorted(table[place:], begin + ends))]
        found.update(entry & _WORD_ID for entry in of_hash.tolist())
    return sorted(found)


def _twice_edited_hashes(word: str) -> NDArray[np.uint64]:
    """Hashes of which every word at two edits has one, being its own or that of one of its deletions."""
    count = len(word)
    codes = np.array(list(map(ord, word)), dtype=np.uint64)
    letters = np.array(list(map(ord, _alphabet(word))), dtype=np.uint64)
    powers = _powers(count + 1)
    shorter, base = np.uint64(_INVERSE), np.uint64(_BASE)
    # Sums up to each character and from each on: a letter deleted or added between moves what follows by one place.
    before = np.concatenate((np.zeros(1, dtype=np.uint64), np.cumsum(codes * powers[:count], dtype=np.uint64)))
    after = before[-1] - before
    deleted = before[:-1] + after[1:] * shorter
    i, j = _pairs(count)
    replaced = (letters - codes[:, None]) * powers[:count, None]  # by character and letter: what the sum gains
    twice_replaced = deleted[j][:, None] + replaced[i]
    once_replaced = before[-1] + replaced
    added = (before + after * base)[:, None] + letters * powers[:, None]
    twice_deleted = before[i] + (before[j] - before[i + 1]) * shorter + after[j + 1] * shorter * shorter
    swapped = _swapped(word)
    return np.concatenate(
        [part.ravel() for part in (twice_replaced, once_replaced, added, deleted, twice_deleted, swapped)]
    )


@lru_cache(LONGEST)
def _pairs(count: int) -> tuple[Ints, Ints]:
    """The places of all pairs of characters of a word, the first one first."""
    i, j = np.triu_indices(count, 1)
    return i, j


def _swapped(word: str) -> NDArray[np.uint64]:
    """The hashes of a word with two neighbours swapped, and of their deletions."""
    swapped = [word[:i] + word[i + 1] + word[i] + word[i + 2 :] for i in range(len(word) - 1)]
    return deletion_hashes(swapped)[0]


def _alphabet(word: str) -> str:
    """The letters that a word of this script may have instead of its own."""
    for alphabet in _ALPHABETS:
        if any(letter in alphabet for letter in word):
            return alphabet
    return "".join(set(word))


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


def _may_be_misspelt_twice(word: str) -> bool:
    return SHORTEST_WITH_TWO <= len(word) <= LONGEST_WITH_TWO and not word.isdigit()


def _may_be_misspelt(word: str) -> bool:
    return SHORTEST <= len(word) <= LONGEST and not word.isdigit()


_Form = tuple[float, int, str]  # how similar a known word is to the one asked for, its id and its text


class _Expanded(msgspec.Struct, frozen=True):
    """A word of the name asked for: the known words that it may be, how similar each is, and how telling it is."""

    ids: list[int]
    similarities: list[float]
    texts: list[str]
    weight: float


class _Forms(msgspec.Struct, frozen=True):
    """The known words that are meant by those asked for, sorted; how similar each is to each of these (a row each).

    `asked` is how telling each word asked for is.
    """

    ids: Ints
    similarities: NDArray[np.float64]
    asked: NDArray[np.float64]


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
        self._widened = lru_cache(_REMEMBERED_WORDS)(self._widen)

    def find(self, key: str, limit: int) -> list[tuple[str, float]]:
        """The best names with their similarity from 0 to 1.

        A name is as similar as its words overlap with those asked for, rare words counting more, or as its letters
        do when the words are sorted, whichever is more. Ties go to the more popular name, then to the alphabet.
        Unknown words are taken for such at two edits too where no name is nearly the same without.
        """
        words = key.split()[:_MOST_WORDS]
        expanded = [self._expanded(word) for word in words]
        doubtful = [self._is_doubtful(word) for word in words]
        # A word that is like no other one at one edit leads nowhere without.
        lost = any(doubt and not near.ids for doubt, near in zip(doubtful, expanded, strict=True))
        found = [] if lost else self._ranked(key, words, expanded)
        if any(doubtful) and (not found or -found[0][0] < NEARLY_THE_SAME):
            wide = [
                self._widened(word) if doubt else near
                for word, doubt, near in zip(words, doubtful, expanded, strict=True)
            ]
            found = self._ranked(key, words, wide)
        return [(name, -negative) for negative, _, name in found[:limit]]

    def _is_doubtful(self, word: str) -> bool:
        """Whether the word may have two typing errors: no name is known to have it."""
        return _may_be_misspelt_twice(word) and self._words.get(word) is None

    def _ranked(self, key: str, words: Sequence[str], expanded: Sequence[_Expanded]) -> list[tuple[float, float, str]]:
        """The names that are similar enough, the best first: the negative similarity and popularity, and the name."""
        forms = _forms(expanded)
        if not len(forms.ids):
            return []
        candidates = self._candidates(words, expanded, forms)
        overlaps = self._overlaps(forms, candidates)
        found = []
        for number, overlap, popularity in self._promising(candidates, overlaps):
            name = self._names.restore_key(number)
            similarity = round(max(overlap, fuzz.token_sort_ratio(key, name) / 100), 4)
            if similarity >= LEAST_SIMILAR:
                found.append((-similarity, -popularity, name))
        return sorted(found)

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
        return min(int(self._word_key_start[word + 1] - self._word_key_start[word]), MAX_NAMES_OF_WORD)

    def _expand(self, word: str) -> _Expanded:
        """The word itself and those at one edit from it."""
        return self._of_forms(
            self._itself(word) + self._alike(word, similar_words(self._deletions, word), _LEAST_SIMILAR_WORD)
        )

    def _widen(self, word: str) -> _Expanded:
        """The word itself and those at up to two edits from it."""
        near = self._expanded(word)
        others = set(words_at_two_edits(self._deletions, word)).difference(near.ids)
        more = self._alike(word, others, _LEAST_SIMILAR_AT_TWO_EDITS)
        return self._of_forms([*zip(near.similarities, near.ids, near.texts, strict=True), *more])

    def _itself(self, word: str) -> list[_Form]:
        number = self._words.get(word)
        return [] if number is None else [(1.0, number, word)]

    def _alike(self, word: str, others: Iterable[int], least: float) -> list[_Form]:
        """Those of the other words that are similar enough; the best, of those alike the ones that more names have."""
        found = []
        for other in others:
            text = self._words.restore_key(other)
            similarity = DamerauLevenshtein.normalized_similarity(word, text, score_cutoff=least)
            if similarity and text != word:
                found.append((similarity, other, text))
        found.sort(key=lambda form: (-form[0], self._weights[form[1]], form[1]))
        return found[:_MOST_FORMS]

    def _of_forms(self, forms: Sequence[_Form]) -> _Expanded:
        similarities, ids, texts = map(list, zip(*forms, strict=True)) if forms else ([], [], [])
        return _Expanded(ids, similarities, texts, float(self._weights[ids[0]]) if ids else self._unknown)

    def _candidates(self, words: Sequence[str], expanded: Sequence[_Expanded], forms: _Forms) -> Ints:
        """Names that hold one of the words or more, those that share the most with the name asked for, sorted.

        Words as typed come first, then those that are more alike: a misspelt word may be a known one itself.
        """
        similarity = forms.similarities.max(axis=0)
        gains = similarity * self._weights[forms.ids]
        order = np.lexsort((-gains, -similarity))[:_MOST_FORMS_OF_NAME]
        ids, gains = forms.ids[order], gains[order]
        begin = self._word_key_start[ids].astype(np.int64)
        counts = self._word_key_start[ids + 1].astype(np.int64) - begin
        room = np.clip(_MOST_POSTINGS - starts_of(counts), 0, counts)
        whole = (room == counts) & (counts < MAX_NAMES_OF_WORD)
        parts = [self._word_keys[low : low + count] for low, count in zip(begin.tolist(), room.tolist(), strict=True)]
        packed = np.sort(pack(np.concatenate(parts), np.repeat(np.arange(len(ids)), room), _SLOT_BITS))
        # Where not all names with a word are looked through, the others may have it too.
        names = self._sharing_most(packed, np.where(whole, gains, gains * _UNSURE), forms.asked)
        if whole.all():
            return names
        return np.unique([*names.tolist(), *self._guesses(words, expanded)])

    def _sharing_most(self, packed: NDArray[np.uint64], gains: NDArray[np.float64], asked: NDArray[np.float64]) -> Ints:
        """Of names with the places of the words that they hold, those that share the most, by what each word gains."""
        found = (packed >> np.uint64(_SLOT_BITS)).astype(np.int64)
        first = np.flatnonzero(np.concatenate(([True], found[1:] != found[:-1])))
        names = found[first]
        if len(names) <= _MOST_CANDIDATES:
            return names
        slots = (packed & np.uint64((1 << _SLOT_BITS) - 1)).astype(np.int64)
        shared = np.add.reduceat(gains[slots], first)
        lengths = (self._key_word_start[names + 1] - self._key_word_start[names]).astype(np.int64)
        rest = np.maximum(0, lengths - np.concatenate((first[1:], [len(found)])) + first)
        # What a name has beside is taken to weigh as much as a word asked for.
        total = float(asked.sum())
        shared /= total + shared + rest * (total / len(asked))
        return np.sort(names[np.argpartition(-shared, _MOST_CANDIDATES)[:_MOST_CANDIDATES]])

    def _guesses(self, words: Sequence[str], expanded: Sequence[_Expanded]) -> Iterator[int]:
        """Names of the same words with one in another form, or two neighbours swapped."""
        for place, forms in enumerate(expanded):
            before, after = " ".join([*words[:place], ""]), " ".join(["", *words[place + 1 :]])
            yield from self._numbers(f"{before}{text}{after}" for text in forms.texts[:_MOST_GUESSES])
        yield from self._numbers(
            " ".join([*words[:place], words[place + 1], words[place], *words[place + 2 :]])
            for place in range(len(words) - 1)
        )

    def _numbers(self, names: Iterable[str]) -> Iterator[int]:
        """The numbers of those names that are known."""
        return (number for number in map(self._names.get, names) if number is not None)

    def _overlaps(self, forms: _Forms, candidates: Ints) -> NDArray[np.float64]:
        """How much of the weight of both names is in words that they share (Dice's coefficient)."""
        words, owners = expand(self._key_word_start, self._key_words, candidates)
        weights = self._weights[words]
        ids, similarities, asked = forms.ids, forms.similarities, forms.asked
        places = np.minimum(np.searchsorted(ids, words), len(ids) - 1)
        hit = ids[places] == words
        places, hit_owners = places[hit], owners[hit]
        count = len(candidates)
        of_name = np.bincount(owners, weights, count)
        matched_in_name = np.bincount(hit_owners, weights[hit] * similarities.max(axis=0)[places], count)
        first = np.flatnonzero(np.concatenate(([True], hit_owners[1:] != hit_owners[:-1])))
        matched_in_asked = asked @ np.maximum.reduceat(similarities[:, places], first, axis=1)
        matched_in_name[hit_owners[first]] += matched_in_asked
        return matched_in_name / (of_name + asked.sum())  # type: ignore[no-any-return]

    def _promising(self, candidates: Ints, overlaps: NDArray[np.float64]) -> Iterator[tuple[int, float, float]]:
        """The candidates that overlap most, with how much and how popular; the more popular first of those alike."""
        order = np.argsort(-overlaps, kind="stable")[: 2 * _MOST_COMPARED]
        popularity = self._popularity[self._posting_rows[self._posting_start[candidates[order]]]]
        best = np.lexsort((-popularity, -overlaps[order]))[:_MOST_COMPARED]
        order = order[best]
        return zip(candidates[order].tolist(), overlaps[order].tolist(), popularity[best].tolist(), strict=True)


def _forms(expanded: Sequence[_Expanded]) -> _Forms:
    """All words that are meant by one asked for."""
    ids = np.array(sorted({id_ for word in expanded for id_ in word.ids}), dtype=np.int64)
    table = np.zeros((len(expanded), len(ids)))
    for row, word in enumerate(expanded):
        table[row, np.searchsorted(ids, word.ids)] = word.similarities
    return _Forms(ids, table, np.array([word.weight for word in expanded]))
