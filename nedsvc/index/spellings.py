"""How names are written: their keys, the words in these, capitals and diacritics."""

from array import array
from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from itertools import count
from unicodedata import normalize

from nedsvc.names import fold_all, fold_token, shape


class Spellings:
    """Takes names in order and keeps of each what the index needs, but not the name itself.

    A name has a key, so many words of those in `word_places`, a `Shape`, and marks for diacritics and for a lower-case
    first word.
    """

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.word_places = array("I")
        self.word_counts = array("I")
        self.shapes = bytearray()
        self.accents = bytearray()
        self.low = bytearray()
        self._words: defaultdict[str, int] = defaultdict(count().__next__)
        self._fold_word = cache(fold_token)

    def take(self, names: Sequence[str]) -> None:
        """Take names; some thousand at once go fast."""
        keys = fold_all(names, self._fold_word)
        self.keys += keys
        self.word_places.extend(map(self._words.__getitem__, " ".join(keys).split()))
        self.word_counts.extend([key.count(" ") + 1 if key else 0 for key in keys])
        self.shapes.extend(map(shape, names))
        self.accents.extend([not name.isascii() and _has_accents(name) for name in names])
        self.low.extend([not name[:1].isupper() and name.partition(" ")[0].islower() for name in names])

    def words(self) -> list[str]:
        """The distinct words, in the order of their places."""
        return list(self._words)


def _has_accents(text: str) -> bool:
    """Whether folding takes something from a letter of the name."""
    return any(map(_is_accented, normalize("NFC", text).casefold()))


@cache
def _is_accented(char: str) -> bool:
    return char.isalpha() and fold_token(char) != char
