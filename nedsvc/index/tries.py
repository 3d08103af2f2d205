"""Texts numbered from 0 on, in one memory-mapped trie or in several that are built apart.

A text is in the trie that the hash of its first word chooses. So those that another one begins with, word by word, are
in the same trie as it.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from zlib import crc32

import marisa_trie
import numpy as np
from numpy.typing import NDArray

from nedsvc.names import REMEMBERED_WORDS


class Tries:
    """The texts of all tries; those of a later trie have higher numbers."""

    def __init__(self, tries: Sequence[marisa_trie.Trie]) -> None:
        self._tries = tuple(tries)
        self._starts = list(accumulate(map(len, tries), initial=0))

    @classmethod
    def open(cls, paths: Sequence[Path]) -> "Tries":
        """Those in these files, in this order."""
        return cls([marisa_trie.Trie().mmap(str(path)) for path in paths])

    def __len__(self) -> int:
        return self._starts[-1]

    def __contains__(self, text: str) -> bool:
        return self.get(text) is not None

    def __iter__(self) -> Iterator[str]:
        for trie in self._tries:
            yield from trie

    def get(self, text: str) -> int | None:
        """The number of a text; None for one that is not there."""
        part = part_of(first_word_hash(text), len(self._tries))
        number = self._tries[part].get(text)
        return None if number is None else self._starts[part] + number

    def prefixes(self, text: str) -> list[str]:
        """The texts with the same first word that this one begins with, the shortest first."""
        part = part_of(first_word_hash(text), len(self._tries))
        return self._tries[part].prefixes(text)  # type: ignore[no-any-return]

    def restore_key(self, number: int) -> str:
        """The text with this number."""
        part = bisect_right(self._starts, number) - 1
        return self._tries[part].restore_key(number - self._starts[part])  # type: ignore[no-any-return]


def first_word_hash(text: str) -> int:
    """A number of 32 bits that is the same for all texts with this first word."""
    return _hash(text.partition(" ")[0])


def part_of(head: int, parts: int) -> int:
    """Which of so many parts a text is in, by the hash of its first word."""
    return head * parts >> 32


def parts_of(heads: NDArray[np.uint32], parts: int) -> NDArray[np.int64]:
    """`part_of` of many."""
    return (heads.astype(np.uint64) * np.uint64(parts) >> np.uint64(32)).astype(np.int64)


@lru_cache(REMEMBERED_WORDS)
def _hash(word: str) -> int:
    return crc32(word.encode())
