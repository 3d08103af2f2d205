"""A text with its words, made once and read by detectors, grouping and features."""

import re
from bisect import bisect_left, bisect_right

import msgspec
import numpy as np
from numpy.typing import NDArray

from nedsvc.context import word_number
from nedsvc.models import Mention
from nedsvc.names import Token, tokenize

_SENTENCE_END = re.compile(r"[.!?:;…]|\n|[\"“”‘«»„]|(?<!\w)'")


class Text(msgspec.Struct, frozen=True):
    """A text, its language and its words in order; `words` holds the number of each."""

    text: str
    language: str
    tokens: list[Token]
    words: NDArray[np.uint32]

    def surface(self, token: Token) -> str:
        """The word as it is written."""
        return self.text[token.start : token.end]

    def begins_sentence(self, position: int) -> bool:
        """Whether the word at this position may be capitalised only because of where it stands."""
        if position == 0:
            return True
        previous = self.tokens[position - 1]
        gap = self.text[previous.end : self.tokens[position].start]
        return gap != " " and _SENTENCE_END.search(gap) is not None

    def positions(self, mention: Mention) -> range:
        """The positions of the words that the mention holds or touches."""
        first = bisect_right(self.tokens, mention.start, key=lambda token: token.end)
        return range(first, bisect_left(self.tokens, mention.end, lo=first, key=lambda token: token.start))


def read_text(text: str, language: str) -> Text:
    """The text with its words."""
    tokens = tokenize(text)
    words = np.array([word_number(token.key) for token in tokens], dtype=np.uint32)
    return Text(text, language, tokens, words)
