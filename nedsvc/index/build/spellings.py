"""How names are written: their keys, capitals and diacritics."""

from collections.abc import Callable, Sequence
from functools import cache
from typing import NamedTuple
from unicodedata import normalize

from nedsvc.index.tries import first_word_hash
from nedsvc.names import fold_all, fold_token, shape


class Spellings(NamedTuple):
    """Of each of some names its key, its `Shape`, and marks for diacritics and for a lower-case first word.

    `heads` are the hashes of the keys' first words.
    """

    keys: list[str]
    shapes: bytes
    accents: bytes
    low: bytes
    heads: list[int]


def spell(names: Sequence[str], fold_word: Callable[[str], str] = fold_token) -> Spellings:
    """What the index needs of names; many at once go fast. `fold_word` is `fold_token`, maybe with a memory."""
    keys = fold_all(names, fold_word)
    return Spellings(
        keys=keys,
        shapes=bytes(map(shape, names)),
        accents=bytes([not name.isascii() and _has_accents(name) for name in names]),
        low=bytes([not name[:1].isupper() and name.partition(" ")[0].islower() for name in names]),
        heads=list(map(first_word_hash, keys)),
    )


def _has_accents(text: str) -> bool:
    """Whether folding takes something from a letter of the name."""
    return any(map(_is_accented, normalize("NFC", text).casefold()))


@cache
def _is_accented(char: str) -> bool:
    return char.isalpha() and fold_token(char) != char
