"""Cutting what a detector found to the name in it."""

from collections.abc import Iterator, Sequence

import msgspec

from nedsvc.detect import Detector
from nedsvc.detect.lexicon import Lexicon
from nedsvc.models import EntityType, Mention
from nedsvc.names import ARTICLES, LONGEST_TITLE, Shape, fold, shape, title_length
from nedsvc.text import Text

_AFTER_TITLE = frozenset({" ", ". "})
_SEPARATORS = frozenset("/\n\r")
_APOSTROPHES = frozenset({"'", "’", "ʼ"})


class Words(msgspec.Struct, frozen=True):
    """Folded words: titles of people, common words, and what is written with a dot at its end."""

    titles: frozenset[str]
    common: frozenset[str]
    shortened: frozenset[str]


class TrimmedDetector:
    """A detector whose mentions are cut to the name: no article, possessive, quotation mark or title around it.

    What is known as it stands ("The Hague", "Pope Francis") is kept whole; of "President Putin" the name is kept.
    """

    def __init__(self, detector: Detector, lexicon: Lexicon, words: Words) -> None:
        self._detector = detector
        self._lexicon = lexicon
        self._titles = words.titles
        self._title_words = frozenset(word for title in words.titles for word in title.split())
        self._common = words.common
        self._shortened = words.shortened

    def detect(self, texts: Sequence[Text]) -> list[list[Mention]]:
        """The inner detector's mentions, trimmed, and split at slashes and at the possessive of a known name."""
        found = self._detector.detect(texts)
        return [
            [part for mention in mentions for part in self._trim(text, mention)]
            for text, mentions in zip(texts, found, strict=True)
        ]

    def _trim(self, text: Text, mention: Mention) -> Iterator[Mention]:
        span = text.positions(mention)
        for part in self._parts(text, span):
            name = self._without_title(text, self._without_article(text, _without_possessive(text, part)))
            if self._may_be_name(text, name):
                found = mention_at(text, name, mention.label if part.stop == span.stop else None)
                yield _with_last_mark(text, found, self._shortened)

    def _may_be_name(self, text: Text, span: range) -> bool:
        """Whether the words have a capital, are no common word and no part of a longer title ("Secretary of State")."""
        if all(text.surface(text.tokens[position]).islower() for position in span) or self._is_common(text, span):
            return False
        if self._is_title_of_next(text, span):
            return False
        if any(text.tokens[position].key not in self._title_words for position in span):
            return True
        return not any(
            _key(text, range(first, last)) in self._titles
            for first in range(max(0, span.stop - LONGEST_TITLE), span.start + 1)
            for last in range(span.stop, min(len(text.tokens), span.start + LONGEST_TITLE) + 1)
            if last - first > len(span)
        )

    def _is_title_of_next(self, text: Text, span: range) -> bool:
        """Whether the words are a title before a name ("Mr Shorten")."""
        if span.stop == len(text.tokens) or _key(text, span) not in self._titles:
            return False
        return _gap(text, span.stop) in _AFTER_TITLE and not text.surface(text.tokens[span.stop]).islower()

    def _parts(self, text: Text, span: range) -> Iterator[range]:
        """The names in the span: on each side of a slash or a line break, and an owner ("Ukraine’s Council")."""
        first = span.start
        for position in span[1:]:
            if not _SEPARATORS.isdisjoint(_gap(text, position)):
                yield range(first, position)
                first = position
            elif self._ends_owner(text, range(first, position), span):
                yield range(first, position)
                first = position + 1
        if first < span.stop:
            yield range(first, span.stop)

    def _ends_owner(self, text: Text, owner: range, span: range) -> bool:
        """Whether a known name ends before a possessive that is not the end of a longer known name."""
        if owner.stop + 1 >= span.stop or not _is_possessive(text, owner.stop):
            return False
        return bool(self._lexicon.shapes(_key(text, owner))) and not self._lexicon.shapes(_key(text, span))

    def _without_article(self, text: Text, span: range) -> range:
        if len(span) < 2 or text.tokens[span.start].key not in ARTICLES:
            return span
        return span if self._keeps_article(text, span) else span[1:]

    def _keeps_article(self, text: Text, span: range) -> bool:
        """Whether the article is part of the name ("The Hague") and not only the first word of a sentence."""
        whole = _key(text, span)
        if text.surface(text.tokens[span.start]).islower() or not self._lexicon.shapes(whole):
            return False
        return not text.begins_sentence(span.start) or self._lexicon.is_label(whole)

    def _without_title(self, text: Text, span: range) -> range:
        rest = span[title_length([text.tokens[position].key for position in span], self._titles) :]
        if len(rest) == len(span) or text.surface(text.tokens[rest.start]).islower():
            return span
        whole = _key(text, span)
        if self._lexicon.shapes(whole) and not self._lexicon.shares_bearer(whole, _key(text, rest)):
            return span
        return rest

    def _is_common(self, text: Text, span: range) -> bool:
        """Whether it is a capitalised common word that no known name is written like ("Us", "Will")."""
        key = _key(text, span)
        title = shape(text.surface(text.tokens[span.start])) == Shape.TITLE
        return key in self._common and title and not self._lexicon.shapes(key) & 1 << Shape.TITLE


def mention_at(text: Text, span: range, label: EntityType | None) -> Mention:
    """The mention that consists of the words at these positions."""
    start, end = text.tokens[span.start].start, text.tokens[span.stop - 1].end
    return Mention(start, end, text.text[start:end], label)


def _with_last_mark(text: Text, mention: Mention, shortened: frozenset[str]) -> Mention:
    """The mention with the bracket that closes it or the dot of its last, shortened word ("Target Corp.")."""
    mark = text.text[mention.end : mention.end + 1]
    closes = mark == ")" and mention.surface.count("(") > mention.surface.count(")")
    if closes or (mark == "." and fold(mention.surface.split()[-1]) in shortened):
        return msgspec.structs.replace(mention, end=mention.end + 1, surface=mention.surface + mark)
    return mention


def _without_possessive(text: Text, span: range) -> range:
    return span[:-1] if len(span) > 1 and _is_possessive(text, span.stop - 1) else span


def _is_possessive(text: Text, position: int) -> bool:
    return text.tokens[position].key == "s" and _gap(text, position) in _APOSTROPHES


def _gap(text: Text, position: int) -> str:
    """What stands between the word and the one before it."""
    return text.text[text.tokens[position - 1].end : text.tokens[position].start]


def _key(text: Text, span: range) -> str:
    return " ".join(token.key for token in text.tokens[span.start : span.stop])
