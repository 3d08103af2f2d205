"""The word pieces of BERT: how its models cut a text (Devlin et al. 2019, after Wu et al. 2016, section 4.1)."""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files

_UNKNOWN, _BEGIN, _END = "[UNK]", "[CLS]", "[SEP]"
_LONGEST_WORD = 100  # characters; a longer word is unknown
_CACHED_WORDS = 100_000

# Chinese characters are words of their own; so is all punctuation, to which BERT counts every ASCII symbol.
_IDEOGRAPHS = (
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002a6df\U0002a700-\U0002b81f\U0002b820-\U0002ceaf"
    "\U0002f800-\U0002fa1f"
)
_IDEOGRAPH = re.compile(f"([{_IDEOGRAPHS}])")
_KEPT_CONTROLS = "\t\n\r"


class WordPieces:
    """Cuts texts into the numbers of a vocabulary's pieces."""

    def __init__(self, vocabulary: Mapping[str, int]) -> None:
        self._numbers = vocabulary
        self._begin, self._end = vocabulary[_BEGIN], vocabulary[_END]
        self._unknown = (vocabulary[_UNKNOWN],)
        self._of_word = lru_cache(_CACHED_WORDS)(self._cut)

    def read(self, text: str, most: int) -> list[int]:
        """The numbers of a text's pieces between those of its begin and end; `most` in all."""
        numbers = [self._begin]
        for word in _words(text):
            numbers.extend(self._of_word(word))
            if len(numbers) >= most:
                break
        return [*numbers[: most - 1], self._end]

    def _cut(self, word: str) -> tuple[int, ...]:
        """The longest known piece first, then the longest that goes on from there; all or nothing."""
        if len(word) > _LONGEST_WORD:
            return self._unknown
        pieces: list[int] = []
        start, prefix = 0, ""
        while start < len(word):
            for stop in range(len(word), start, -1):
                piece = self._numbers.get(prefix + word[start:stop])
                if piece is not None:
                    break
            else:
                return self._unknown
            pieces.append(piece)
            start, prefix = stop, "##"
        return tuple(pieces)


def uncased_english() -> WordPieces:
    """The pieces of the uncased English models; their vocabulary comes with the package."""
    lines = files("nedsvc").joinpath("data/wordpieces.txt").read_text(encoding="utf-8").split("\n")
    return WordPieces({piece: number for number, piece in enumerate(lines) if piece})


def _words(text: str) -> list[str]:
    """Lower-case words and marks of punctuation, without diacritics."""
    return _normalized(text).split()


def _normalized(text: str) -> str:
    if text.isascii():
        return "".join(map(_ascii_part, text)).lower()
    spaced = _IDEOGRAPH.sub(r" \1 ", "".join(map(_kept, text)))
    plain = "".join(letter for letter in unicodedata.normalize("NFD", spaced) if unicodedata.category(letter) != "Mn")
    return "".join(f" {letter} " if _is_punctuation(letter) else letter for letter in plain.lower())


@lru_cache(128)
def _ascii_part(letter: str) -> str:
    return f" {letter} " if _is_punctuation(letter) else _kept(letter)


@lru_cache(4096)
def _kept(letter: str) -> str:
    """The letter, or what stands for white space and for what cannot be seen."""
    if letter in _KEPT_CONTROLS or unicodedata.category(letter) == "Zs":
        return " "
    unseen = letter in "\0\ufffd" or unicodedata.category(letter) in {"Cc", "Cf", "Cn", "Co", "Cs"}
    return "" if unseen else letter


@lru_cache(4096)
def _is_punctuation(letter: str) -> bool:
    if letter.isascii():
        return letter.isprintable() and letter != " " and not letter.isalnum()
    return unicodedata.category(letter).startswith("P")
