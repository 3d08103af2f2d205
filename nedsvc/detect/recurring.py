"""Names that a text has introduced, wherever they stand again."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence

from nedsvc.detect import Detector
from nedsvc.detect.lexicon import Lexicon
from nedsvc.detect.trim import mention_at
from nedsvc.models import EntityType, Mention
from nedsvc.names import fold
from nedsvc.text import Text


class RecurringDetector:
    """A detector that also finds, in the same text, its mentions of one word again and people by one of their names.

    A person whom the text calls "Xi Jinping" is found where it says "Xi", whether or not an index or a model knows
    that name. Common words and months are left alone, as they would be found everywhere.
    """

    def __init__(self, detector: Detector, lexicon: Lexicon, no_names: frozenset[str]) -> None:
        self._detector = detector
        self._lexicon = lexicon
        self._no_names = no_names

    def detect(self, texts: Sequence[Text]) -> list[list[Mention]]:
        """The inner detector's mentions and those of the same names elsewhere."""
        found = self._detector.detect(texts)
        return [sorted([*one, *self._again(text, one)], key=_start) for text, one in zip(texts, found, strict=True)]

    def _again(self, text: Text, mentions: Sequence[Mention]) -> Iterator[Mention]:
        words = {word: label for mention in mentions for word, label in self._words(mention)}
        keys = {fold(word) for word in words}
        starts = [mention.start for mention in mentions]
        for position, token in enumerate(text.tokens):
            if token.key not in keys or text.surface(token) not in words:
                continue
            before = bisect_right(starts, token.start)
            if not before or mentions[before - 1].end <= token.start:
                yield mention_at(text, range(position, position + 1), words[text.surface(token)])

    def _words(self, mention: Mention) -> Iterator[tuple[str, EntityType | None]]:
        """The single words by which the text may name the same again."""
        words = mention.surface.split()
        if len(words) > 1 and not self._is_person(mention):
            return
        for word in {words[0], words[-1]}:
            if len(word) > 1 and word[0].isupper() and word.isalpha() and fold(word) not in self._no_names:
                yield word, mention.label

    def _is_person(self, mention: Mention) -> bool:
        return mention.label == "PERSON" or (mention.label is None and self._lexicon.is_person(fold(mention.surface)))


def _start(mention: Mention) -> int:
    return mention.start
