"""Finding role phrases in English text: "the Russian prime minister", "the alliance's secretary-general"."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from nedsvc.models import EntityType
from nedsvc.names import Shape, shape
from nedsvc.text import Text

MOST_MODIFIERS = 5
MOST_PORTFOLIO = 7  # words that may follow "minister of"
LONGEST_NOUN = 4
LONGEST_PLACE = 3

ARTICLE = "the"
_DEFINITE = frozenset((ARTICLE, "this", "that"))
_OWNING = frozenset(("his", "her", "their", "its", "our", "my"))
_INDEFINITE = frozenset(("a", "an", "any", "every", "each", "no", "some", "another"))
_JOINTS = frozenset(("of", "for", "to", "at"))
_INSIDE_PORTFOLIO = frozenset(("of", "for", "and", "the", "to"))
_BY_NAME_ONLY = frozenset(
    ("former", "ex", "then", "late", "future", "incoming", "onetime", "designate", "elect", "next", "previous", "last")
)
# What a name that is one of these has in common with an owner's is chance ("The Egyptian", a film).
_NO_OWNERS: frozenset[EntityType] = frozenset(("WORK_OF_ART", "PRODUCT", "EVENT", "LANGUAGE", "LAW"))
# Words that are no part of what an office is called.
_MARKS = _BY_NAME_ONLY | {"current", "outgoing", "sitting", "new", "longtime", "incumbent"}
# Behind one of these an office is one that somebody came to hold or will hold.
_BECOMING = frozenset(
    (
        "became",
        "become",
        "becomes",
        "elected",
        "appointed",
        "named",
        "nominated",
        "inaugurated",
        "reelected",
        "as",
        "was",
    )
)
# Nouns that stand before other nouns too ("chief economist"), and words that may follow them all the same.
_ALSO_ADJECTIVES = frozenset(("chief", "head"))
_VERBS = frozenset(
    (
        "met",
        "said",
        "told",
        "spoke",
        "went",
        "came",
        "held",
        "gave",
        "took",
        "made",
        "left",
        "won",
        "saw",
        "sent",
        "can",
    )
)
ACTING = frozenset(("acting", "interim", "caretaker"))
_APOSTROPHES = ("'", "’", "ʼ")
_JOINED = re.compile(r"['’ʼ]?(?: +\n?|\n)|[-\u2010\u2011'’ʼ]")


class Named(NamedTuple):
    """A mention by the positions of its words, with what it most likely means (None: nothing is sure)."""

    first: int
    stop: int
    number: int | None
    confidence: float
    types: frozenset[EntityType]


class Phrase(msgspec.Struct, frozen=True, kw_only=True):
    """Words of a text that name an office, by the positions of the first word and behind the last.

    `role` are its words without whose office it is, `noun` those for who holds one. Whose it is says `owner`, or
    `group`, a noun for an organisation or a place that the text has named before ("the alliance's"). `name` is the
    person named beside it: right behind it where `direct`, else in apposition. `by_name_only`: the date does not tell
    who is meant ("former").
    """

    first: int
    stop: int
    role: tuple[str, ...]
    noun: tuple[str, ...]
    owner: Named | None = None
    group: str | None = None
    name: Named | None = None
    direct: bool = False
    by_name_only: bool = False
    indefinite: bool = False


class RolePhrases:
    """Finds the phrases that may name an office.

    `nouns` are those for who holds one, `words` those that roles are made of, `groups` the nouns for what has been
    named before; `place` tells what a capitalised word means that is no mention by itself.
    """

    def __init__(
        self,
        nouns: frozenset[str],
        words: frozenset[str],
        groups: Mapping[str, object],
        idle: frozenset[str],
        place: Callable[[str], int | None],
    ) -> None:
        self._nouns = nouns
        self._words = words
        self._groups = groups
        self._idle = idle
        self._place = place

    def find(self, text: Text, named: Sequence[Named]) -> Iterator[tuple[Phrase, ...]]:
        """For each noun of an office in the text: the phrases that it may be part of, the longest first."""
        reading = _Reading(text, named)
        position = 0
        while position < len(text.tokens):
            stop = self._noun_stop(text, position)
            if stop is None or reading.is_adjective(position, stop, self._idle):
                position += 1
                continue
            yield self._phrases(reading, position, stop)
            position = stop

    def _noun_stop(self, text: Text, position: int) -> int | None:
        """Where the longest noun of an office ends that begins here."""
        keys = [token.key for token in text.tokens[position : position + LONGEST_NOUN]]
        sizes = range(len(keys), 0, -1)
        return next((position + size for size in sizes if " ".join(keys[:size]) in self._nouns), None)

    def _phrases(self, reading: "_Reading", first: int, stop: int) -> tuple[Phrase, ...]:
        left = self._left(reading, first)
        longer = list(self._right(reading, stop))
        noun = reading.keys(first, stop)
        # "the minister of Ruritania" is no minister of whatever else the text is about.
        cut = any(owner or group for _, _, owner, group in longer) or reading.goes_on_with_name(stop)
        found = [*longer, (stop, (), None, None)]
        return tuple(
            self._with_name(
                reading,
                Phrase(
                    first=left.first,
                    stop=end,
                    role=(*left.modifiers, *noun, *portfolio),
                    noun=noun,
                    owner=owner or left.owner,
                    group=group or left.group,
                    by_name_only=left.by_name_only or reading.key(end) == "elect",
                    indefinite=left.indefinite or (cut and end == stop),
                ),
            )
            for end, portfolio, owner, group in found
        )

    def _left(self, reading: "_Reading", noun: int) -> "_Left":
        """What stands before the noun: its modifiers, and whose office it is or an article."""
        owned = self._owned(reading, noun)
        begin = owned.begin if owned else self._known_from(reading, noun)
        inner = owned.first if owned else begin
        first = inner
        while reading.adjoins(first) and reading.key(first - 1) in _MARKS | ACTING:
            first -= 1
        words = (*reading.keys(first, inner), *reading.keys(begin, noun))
        before = reading.key(first - 1) if reading.adjoins(first) else ""
        return _Left(
            first=first - 1 if before in _OWNING | {ARTICLE} else first,
            modifiers=tuple(word for word in words if word not in _MARKS),
            owner=owned.owner if owned else None,
            group=owned.group if owned else None,
            by_name_only=not _BY_NAME_ONLY.isdisjoint(words) or before in _BECOMING or before[:1].isdigit(),
            indefinite=before in _INDEFINITE,
        )

    def _owned(self, reading: "_Reading", noun: int) -> "_Owned | None":
        """Whose office it is, where that stands before the noun and its modifiers."""
        for begin in range(noun, max(0, noun - MOST_MODIFIERS), -1):
            if not reading.adjoins(begin):
                return None
            end = begin - 1 if reading.is_possessive(begin - 1) else begin
            owner = self._owner_ending(reading, end)
            if owner is not None:
                return _Owned(owner.first, begin, owner, None)
            if end < begin:
                group, size = self._group_ending(reading, end)
                return _Owned(end - size, begin, None, group) if group else None
            if reading.key(begin - 1) in self._idle | _INDEFINITE or reading.ends_person(begin):
                return None
        return None

    def _known_from(self, reading: "_Reading", noun: int) -> int:
        """Where the words before the noun begin that offices are named with."""
        known = self._words | ACTING | _MARKS
        first = noun
        while reading.adjoins(first) and reading.key(first - 1) in known - self._idle:
            first -= 1
        return first

    def _owner_ending(self, reading: "_Reading", stop: int) -> Named | None:
        """The country, region or organisation whose name ends before this position."""
        mention = reading.ending.get(stop)
        if mention is not None and mention.number is not None and _may_own(mention):
            return None if "PERSON" in mention.types else mention
        for size in range(min(LONGEST_PLACE, stop), 0, -1):
            known = self._known_place(reading, stop - size, stop)
            if known is not None:
                return known
        return None

    def _known_place(self, reading: "_Reading", first: int, stop: int) -> Named | None:
        if reading.key(first) in self._idle or (stop - first == 1 and reading.key(first) in self._words):
            return None
        surface = reading.surface(first, stop)
        number = None if shape(surface) == Shape.LOWER else self._place(surface)
        return None if number is None else Named(first, stop, number, 1.0, frozenset())

    def _group_ending(self, reading: "_Reading", stop: int) -> tuple[str | None, int]:
        """The noun that ends here for something named before, with an article, and how many words it has."""
        for size in (2, 1):
            noun = " ".join(reading.keys(stop - size, stop))
            if noun in self._groups and reading.key(stop - size - 1) in _DEFINITE | _OWNING:
                return noun, size
        return None, 0

    def _right(self, reading: "_Reading", stop: int) -> Iterator["_Right"]:
        """What may follow the noun ("of Japan", "of Foreign Affairs of Ukraine"), the longest first."""
        if reading.key(stop) not in _JOINTS or not reading.adjoins(stop):
            return
        found: list[_Right] = []
        for position in range(stop + 1, stop + 1 + MOST_PORTFOLIO):
            if not reading.adjoins(position) or position >= len(reading.text.tokens):
                break
            portfolio = reading.keys(stop, position)
            owner = self._owner_starting(reading, position)
            if owner is not None:
                found.append((owner.stop, _without_joint(portfolio), owner, None))
                if reading.is_possessive(owner.stop):
                    end = reading.capitalised_until(owner.stop + 1)
                    found.append((end, (*portfolio, *reading.keys(owner.stop + 1, end)), owner, None))
                break
            size = self._group_starting(reading, position)
            if size:
                group = " ".join(reading.keys(position + 1, position + size))
                found.append((position + size, _without_joint(portfolio), None, group))
                break
            key = reading.key(position)
            if key in self._idle and key not in _INSIDE_PORTFOLIO:
                break
            if key not in _INSIDE_PORTFOLIO:
                found.append((position + 1, reading.keys(stop, position + 1), None, None))
        yield from reversed(found)

    def _owner_starting(self, reading: "_Reading", first: int) -> Named | None:
        mention = reading.starting.get(first)
        if mention is not None and mention.number is not None and _may_own(mention):
            return None if "PERSON" in mention.types else mention
        sizes = range(LONGEST_PLACE, 0, -1)
        return next((known for size in sizes if (known := self._known_place(reading, first, first + size))), None)

    def _group_starting(self, reading: "_Reading", first: int) -> int:
        """How many words a noun with its article has for something named before; 0 for none."""
        if reading.key(first) not in _DEFINITE:
            return 0
        return next(
            (size + 1 for size in (2, 1) if " ".join(reading.keys(first + 1, first + 1 + size)) in self._groups), 0
        )

    def _with_name(self, reading: "_Reading", phrase: Phrase) -> Phrase:
        """The phrase with the person that is named beside it."""
        after = reading.starting.get(phrase.stop) or reading.around(phrase.stop)
        if after is not None and _may_be_person(after):
            gap = reading.gap(phrase.stop)
            if gap in {" ", ", "}:
                return msgspec.structs.replace(phrase, name=after, direct=gap == " ")
        before = reading.ending.get(phrase.first)
        ends = reading.gap(phrase.stop)[:1] in {",", ".", ";", ")", ""} or reading.key(phrase.stop) == "who"
        if before is not None and ends and _may_be_person(before) and reading.gap(phrase.first) == ", ":
            return msgspec.structs.replace(phrase, name=before)
        return phrase


class _Owned(NamedTuple):
    """Whose office it is, with the positions where this begins and where the modifiers of the noun do."""

    first: int
    begin: int
    owner: Named | None
    group: str | None


class _Left(NamedTuple):
    """What stands before the noun: where the phrase begins, modifiers, whose office it is, and how it is said."""

    first: int
    modifiers: tuple[str, ...]
    owner: Named | None
    group: str | None
    by_name_only: bool
    indefinite: bool


# Where a phrase ends that goes on behind the noun, the words of the role there, and whose office it is.
_Right = tuple[int, tuple[str, ...], Named | None, str | None]


class _Reading:
    """A text with its mentions by where they begin and end."""

    def __init__(self, text: Text, named: Sequence[Named]) -> None:
        self.text = text
        self.starting = {one.first: one for one in named}
        self.ending = {one.stop: one for one in named}
        self._inside = {position: one for one in named for position in range(one.first + 1, one.stop)}

    def key(self, position: int) -> str:
        """The folded word here; "" beyond the text."""
        return self.text.tokens[position].key if 0 <= position < len(self.text.tokens) else ""

    def keys(self, first: int, stop: int) -> tuple[str, ...]:
        """The folded words."""
        return tuple(token.key for token in self.text.tokens[max(0, first) : stop])

    def surface(self, first: int, stop: int) -> str:
        """The words as they are written."""
        tokens = self.text.tokens[first:stop]
        return self.text.text[tokens[0].start : tokens[-1].end] if tokens else ""

    def gap(self, position: int) -> str:
        """What stands between the word before and the word here; "" at either end of the text."""
        if not 0 < position < len(self.text.tokens):
            return ""
        return self.text.text[self.text.tokens[position - 1].end : self.text.tokens[position].start]

    def adjoins(self, position: int) -> bool:
        """Whether nothing but a space, a hyphen, a line break or an apostrophe parts the word here from the last."""
        return _JOINED.fullmatch(self.gap(position)) is not None

    def is_adjective(self, first: int, stop: int, idle: frozenset[str]) -> bool:
        """Whether the noun here belongs to the one behind it ("chief economist")."""
        if stop - first > 1 or self.key(first) not in _ALSO_ADJECTIVES or self.gap(stop) != " ":
            return False
        after = self.surface(stop, stop + 1)
        return after.islower() and after not in idle | _VERBS and not after.endswith(("ed", "s"))

    def goes_on_with_name(self, stop: int) -> bool:
        """Whether a preposition and a word with a capital follow."""
        place = stop + 2 if self.key(stop + 1) in _DEFINITE else stop + 1
        return self.key(stop) in _JOINTS and self.surface(place, place + 1)[:1].isupper()

    def capitalised_until(self, first: int) -> int:
        """Where a run of words with capitals ends that begins here; small words may stand between them."""
        stop = first
        for position in range(first, min(first + MOST_PORTFOLIO, len(self.text.tokens))):
            if self.gap(position) != " ":
                break
            if self.surface(position, position + 1)[:1].isupper():
                stop = position + 1
            elif self.key(position) not in _INSIDE_PORTFOLIO:
                break
        return stop

    def is_possessive(self, position: int) -> bool:
        """Whether the word here is the s of a possessive."""
        return self.key(position) == "s" and self.gap(position) in _APOSTROPHES

    def ends_person(self, stop: int) -> bool:
        """Whether a person's name ends before this position: what follows it is no role of a place."""
        mention = self.ending.get(stop)
        return mention is not None and "PERSON" in mention.types

    def around(self, position: int) -> Named | None:
        """The mention that holds the word here and the one before."""
        return self._inside.get(position)


def _without_joint(portfolio: tuple[str, ...]) -> tuple[str, ...]:
    """The words without the prepositions and articles at their end ("of Foreign Affairs of the")."""
    while portfolio and portfolio[-1] in _INSIDE_PORTFOLIO:
        portfolio = portfolio[:-1]
    return portfolio


def _may_own(mention: Named) -> bool:
    return not mention.types or not mention.types <= _NO_OWNERS


def _may_be_person(mention: Named) -> bool:
    return "PERSON" in mention.types
