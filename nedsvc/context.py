"""Words as numbers: how a text and an entity's surroundings are compared.

A word is the checksum of its folded form, cut to `WORD_BITS` bits (feature hashing: Weinberger et al. 2009,
"Feature Hashing for Large Scale Multitask Learning"). Two words of a text share a number about once in a million.
"""

from collections.abc import Iterable
from functools import lru_cache
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from nedsvc.names import REMEMBERED_WORDS

WORD_BITS = 20
WORDS = 1 << WORD_BITS
LINKS_WITH_WORDS = 16  # of an entity's links, those whose labels belong to its surroundings
_SHORTEST_WORD = 3  # letters


@lru_cache(REMEMBERED_WORDS)
def word_number(key: str) -> int:
    """The number of a folded word, below `WORDS`."""
    return crc32(key.encode()) >> (32 - WORD_BITS)


def word_numbers(keys: Iterable[str]) -> NDArray[np.uint32]:
    """The distinct numbers of folded words, sorted."""
    return np.array(sorted({word_number(key) for key in keys}), dtype=np.uint32)


def says_something(key: str, stop_words: frozenset[str]) -> bool:
    """Whether a folded word tells what a text or an entity is about."""
    return len(key) >= _SHORTEST_WORD and key not in stop_words
