"""The gazetteer detector: walks the names of an index over a text, without any model."""

from collections.abc import Sequence

from nedsvc.detect.lexicon import Lexicon
from nedsvc.detect.trim import mention_at
from nedsvc.models import Mention
from nedsvc.names import Shape, Token, shape
from nedsvc.text import Text

MOST_WORDS = 10
_ARTICLE = "the"

# A surface of this shape may be a name that is written in one of these shapes. Acronyms of four letters and more are
# also met as plain words ("Nato"), and a whole line in capitals writes every name in them.
_WRITTEN_AS = {
    Shape.CASELESS: 1 << Shape.CASELESS,
    Shape.LOWER: 0,
    Shape.TITLE: 1 << Shape.TITLE | 1 << Shape.LOW_END,
    Shape.UPPER: 1 << Shape.UPPER,
    Shape.LOW_END: 1 << Shape.LOW_END,
}
_ACRONYM_AS_WORD = 4


class Gazetteer:
    """Finds the longest known name at each word that may begin one.

    A name counts where its words are capitalised as in the index. A single common word ("May", "Will", "State") is
    no name unless capitals among other words ("US") or an article ("the West") set it apart; a date is none either.
    """

    def __init__(self, lexicon: Lexicon, common_words: frozenset[str], calendar: frozenset[str]) -> None:
        self._lexicon = lexicon
        self._common = common_words
        self._calendar = calendar

    def detect(self, texts: Sequence[Text]) -> list[list[Mention]]:
        """The mentions of each text, the leftmost longest names."""
        return [self._detect(text) for text in texts]

    def _detect(self, text: Text) -> list[Mention]:
        mentions = []
        position = 0
        while position < len(text.tokens):
            length = self._name_at(text, position)
            if length:
                mentions.append(mention_at(text, range(position, position + length), None))
            position += length or 1
        return mentions

    def _name_at(self, text: Text, position: int) -> int:
        """How many words the longest name has that begins at this word; 0 for none."""
        if not _may_begin(text.surface(text.tokens[position])):
            return 0
        words = [token.key for token in text.tokens[position : position + MOST_WORDS]]
        key = " ".join(words)
        for prefix in reversed(self._lexicon.prefixes(key)):
            if len(prefix) != len(key) and key[len(prefix)] != " ":
                continue
            length = prefix.count(" ") + 1
            if self._accepts(text, position, length, prefix):
                return length
        return 0

    def _accepts(self, text: Text, position: int, length: int, key: str) -> bool:
        tokens = text.tokens[position : position + length]
        surface = text.text[tokens[0].start : tokens[-1].end]
        if "\n" in surface or not self._cased_as_known(surface, key):
            return False
        if length == 1:
            return self._stands_alone(text, position, surface)
        if not _may_begin(text.surface(tokens[-1])) and self._may_be_words(text, position, surface):
            return False
        return not self._is_date(tokens)

    def _cased_as_known(self, surface: str, key: str) -> bool:
        written = shape(surface)
        known = self._lexicon.shapes(key)
        if known & _WRITTEN_AS[written]:
            return True
        if written == Shape.TITLE:
            return bool(known & 1 << Shape.UPPER) and len(key) >= _ACRONYM_AS_WORD and key not in self._common
        return written == Shape.UPPER and bool(known & 1 << Shape.TITLE) and len(key) >= _ACRONYM_AS_WORD

    def _stands_alone(self, text: Text, position: int, surface: str) -> bool:
        key = text.tokens[position].key
        if len(key) < 2 or key.isdigit() or key in self._calendar:
            return False
        if key not in self._common or (shape(surface) == Shape.UPPER and not _is_shouted(text, position)):
            return True
        return position > 0 and text.tokens[position - 1].key == _ARTICLE and self._lexicon.is_shorthand(key)

    def _may_be_words(self, text: Text, position: int, surface: str) -> bool:
        """Whether what ends in a lower-case word is no name that is known to, or only the beginning of a sentence."""
        if shape(surface) != Shape.LOW_END:
            return True
        return text.begins_sentence(position) and text.tokens[position].key in self._common

    def _is_date(self, tokens: Sequence[Token]) -> bool:
        return all(token.key in self._calendar or token.key.isdigit() for token in tokens)


def _is_shouted(text: Text, position: int) -> bool:
    """Whether a word beside the one in capitals is in capitals too."""
    beside = text.tokens[max(0, position - 1) : position] + text.tokens[position + 1 : position + 2]
    return any(shape(text.surface(token)) == Shape.UPPER for token in beside)


def _may_begin(word: str) -> bool:
    """Whether a name may begin (or end) with the word: a capital anywhere, a digit, or a script without case."""
    return word != word.lower() or not word.islower()
