"""How names are written: their keys, the words in these, capitals and diacritics."""

from array import array
from collections import defaultdict
from collections.abc import Iterable
from functools import cache
from itertools import count
from unicodedata import normalize

from nedsvc.names import fold_all, fold_token, shape

_AT_ONCE = 2000


class Spellings:
    """Takes names in order and keeps of each what the index needs, but not the name itself.

    A name has a key, so many words of those in `word_places`, a `Shape`, and marks for diacritics and for a lower-case
    first word. Names are worked on some thousand at a time, while they are in the processor's cache.
    """

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.word_places = array("I")
        self.word_counts = array("I")
        self.shapes = bytearray()
        self.accents = bytearray()
        self.low = bytearray()
        self._waiting: list[str] = []
        self._words: defaultdict[str, int] = defaultdict(count().__next__)
        self._fold_word = cache(fold_token)

    def __len__(self) -> int:
        return len(self.keys) + len(self._waiting)

    def add(self, name: str) -> None:
        """Take a name."""
        self._waiting.append(name)

    def extend(self, names: Iterable[str]) -> None:
        """Take names."""
        self._waiting.extend(names)

    def work(self) -> None:
        """Work on what has been taken, once that is worth it."""
        if len(self._waiting) > _AT_ONCE:
            self.finish()

    def finish(self) -> None:
        """Work on what has been taken."""
        names, self._waiting = self._waiting, []
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
