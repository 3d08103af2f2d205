"""Roles by date: who held the office that a text names without a name ("the Russian prime minister")."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import NamedTuple

import msgspec

from nedsvc.context import word_number
from nedsvc.dating import date_in
from nedsvc.decision import Decision, status
from nedsvc.models import Mention, OfficeName, Status, read_date
from nedsvc.names import fold
from nedsvc.offices import Holder, OfficeBook, role_words
from nedsvc.role_phrases import ACTING, ARTICLE, Named, Phrase, RolePhrases
from nedsvc.text import Text

BY_DATE = 0.95  # the confidence that the index knows the only holder, where the dates leave no doubt
LANGUAGE = "en"

_LEADER, _COUNTERPART = ("leader",), "counterpart"
_LEADING = frozenset((_LEADER, ("head",), ("chief",)))
_VAGUE = _LEADING | frozenset((("commander",), ("diplomat",), (_COUNTERPART,), ("director",)))
# Whom news calls the leader or the head of what no table has an office for: the first of these that there is.
_LEADING_A_PLACE = (
    "president",
    "prime minister",
    "chancellor",
    "monarch",
    "governor",
    "first minister",
    "premier",
    "mayor",
)
_LEADING_AN_ORGANISATION = (
    *("secretary general", "president", "chair", "director general", "chief executive", "director", "head", "governor"),
    *("commander", "leader", "secretary", "high commissioner", "chairman of the board of governors"),
)


class RoleTables(msgspec.Struct, frozen=True):
    """The word lists of roles.

    `nouns` are those for who holds an office, `others` what else each is called, `leaders` the office that leads
    each country, `seats` the states by the names of their seats of power, and `groups` nouns for organisations and
    places with the types of these. `idle` words are part of no role.
    """

    nouns: frozenset[str]
    others: Mapping[str, tuple[str, ...]]
    leaders: Mapping[int, str]
    seats: Mapping[str, int]
    groups: Mapping[str, frozenset[str]]
    idle: frozenset[str]


class FoundRole(msgspec.Struct, frozen=True):
    """A role in a text: its span, the office, and who may hold it with the probability of each, the likeliest first."""

    start: int
    end: int
    surface: str
    status: Status
    office: OfficeName | None
    candidates: tuple[tuple[str, float], ...]


class _Answer(msgspec.Struct, frozen=True):
    """What a phrase says: the people with their probabilities, the office, and whether the first is surely meant."""

    people: tuple[tuple[int, float], ...]
    office: int | None
    sure: bool


class RoleReader:
    """Finds the roles of English texts and who held them on the day of the text.

    `today` is the day of a text that neither comes with a date nor names one.
    """

    def __init__(self, book: OfficeBook, tables: RoleTables, today: Callable[[], date] = date.today) -> None:
        self._book = book
        self._tables = tables
        self._today = today
        self._others = {role_words(role.split()): others for role, others in tables.others.items()}
        self._words = frozenset(word for role in (*tables.nouns, *tables.others) for word in role.split()) - tables.idle
        self._phrases = RolePhrases(tables.nouns, self._words, tables.groups, tables.idle, book.place)

    def day(self, given: str | None, text: str) -> date:
        """The day of a text: the one that is given, else one that it names, else today. Raises `InvalidInput`."""
        if given is not None:
            return read_date(given)
        return date_in(text, self._today()) or self._today()

    def read(
        self, text: Text, mentions: Sequence[Mention], decisions: Sequence[Decision], day: date, threshold: float
    ) -> list[FoundRole]:
        """The roles of a text in its order; none in a text that is not English."""
        if text.language != LANGUAGE:
            return []
        named = sorted(_named(text, mentions, decisions, threshold), key=lambda one: (one.first, one.stop))
        reading = _Deciding(
            self._book,
            self._tables,
            _Called(self._others, self._words),
            _Document(text, named, _words_of(decisions), day),
        )
        found: list[FoundRole] = []
        for phrases in self._phrases.find(text, named):
            role = reading.decide(phrases, threshold)
            if role is not None:
                found.append(role)
        chosen = _longest(found)
        return [_by_the_text(role, chosen) for role in chosen]


def _named(text: Text, mentions: Sequence[Mention], decisions: Sequence[Decision], threshold: float) -> Iterator[Named]:
    for decision in decisions:
        best = decision.choices[0] if decision.choices and status(decision, threshold) == "linked" else None
        for place in decision.chain.mentions:
            positions = text.positions(mentions[place])
            if not positions:
                continue
            first, stop = positions.start, positions.stop
            if best is None:
                label = mentions[place].label
                yield Named(first, stop, None, 0.0, frozenset((label,) if label else ()))
            else:
                yield Named(first, stop, best.candidate.number, best.probability, best.candidate.types)


def _words_of(decisions: Sequence[Decision]) -> dict[int, frozenset[int]]:
    """The numbers of the words around each entity that a mention means."""
    return {
        decision.choices[0].candidate.number: frozenset(decision.choices[0].candidate.words.tolist())
        for decision in decisions
        if decision.choices
    }


def _longest(roles: Sequence[FoundRole]) -> list[FoundRole]:
    """Of roles that overlap the longest, then the first."""
    chosen: list[FoundRole] = []
    for role in sorted(roles, key=lambda one: (one.start - one.end, one.start)):
        if all(role.end <= other.start or other.end <= role.start for other in chosen):
            chosen.append(role)
    return sorted(chosen, key=lambda one: one.start)


def _by_the_text(role: FoundRole, all_roles: Sequence[FoundRole]) -> FoundRole:
    """The role, held by whom the text itself names as the holder of its office where the index knows nobody."""
    if role.status != "nil" or role.office is None:
        return role
    named = [other for other in all_roles if other.office == role.office and other.status == "linked"]
    return msgspec.structs.replace(role, status="linked", candidates=named[0].candidates) if named else role


class _Called(NamedTuple):
    """What else an office is called, by the words of a role, and all words that roles are made of."""

    others: Mapping[frozenset[str], tuple[str, ...]]
    vocabulary: frozenset[str]


class _Document(NamedTuple):
    """A text with its mentions, the words around what they mean, and its day."""

    text: Text
    named: Sequence[Named]
    words: Mapping[int, frozenset[int]]
    day: date


class _Deciding:
    """The roles of one text, decided in its order."""

    def __init__(
        self,
        book: OfficeBook,
        tables: RoleTables,
        called: "_Called",
        document: "_Document",
    ) -> None:
        self._book = book
        self._tables = tables
        self._others, self._vocabulary = called
        self._text, self._named, self._words, self._day = document
        self._last_role: tuple[str, ...] = ()

    def decide(self, phrases: Sequence[Phrase], threshold: float) -> FoundRole | None:
        """The role that one of the phrases names, the first of which an office is known; None where it is none."""
        for phrase in phrases:
            answer = self._answer(phrase)
            if answer is not None:
                self._last_role = phrase.role if _COUNTERPART not in phrase.role else self._last_role
                return self._found(phrase, answer, threshold)
        unknown = next(filter(self._is_plain, phrases), None)
        return self._found(unknown, _Answer((), None, sure=False), threshold) if unknown else None

    def _is_plain(self, phrase: Phrase) -> bool:
        """Whether the words can only mean an office, be it known here or not ("the mayor of Kyiv")."""
        whose = phrase.owner is not None or phrase.group is not None
        if not whose or phrase.by_name_only or phrase.indefinite or phrase.noun in _VAGUE:
            return False
        return self._vocabulary.issuperset(set(phrase.role) - self._tables.idle - ACTING)

    def _answer(self, phrase: Phrase) -> _Answer | None:
        role = self._last_role if phrase.role[-1] == _COUNTERPART else phrase.role
        owner, confidence = self._owner(phrase)
        offices = self._offices(phrase, role, owner)
        if phrase.name is not None:
            by_name = self._by_name(phrase, role, offices)
            if by_name is not None:
                return by_name
        if phrase.by_name_only or phrase.indefinite or not offices:
            return None
        return self._by_date(offices, confidence)

    def _owner(self, phrase: Phrase) -> tuple[int | None, float]:
        """Whose office it is, and how sure that is."""
        if phrase.owner is not None:
            return phrase.owner.number, phrase.owner.confidence
        if phrase.group is None:
            return None, 1.0
        types = self._tables.groups[phrase.group]
        before = [
            one for one in self._named if one.stop <= phrase.stop and one.number is not None and types & one.types
        ]
        noun = word_number(phrase.group.split()[-1])
        fitting = [one for one in before if noun in self._words.get(one.number or 0, ())]
        chosen = (fitting or before)[-1:]
        return (chosen[0].number, chosen[0].confidence) if chosen else (None, 0.0)

    def _offices(self, phrase: Phrase, role: tuple[str, ...], owner: int | None) -> tuple[int, ...]:
        """The offices that the phrase may name: by their whole name, else by whose they are and what they are."""
        surface = self._surface(phrase)
        if not self._vocabulary.issuperset(role_words(fold(surface).split())):
            named = tuple(office for office in self._book.named(surface) if self._is_at_home(office, surface))
            if named:
                return named
        return () if owner is None else self._offices_of(self._places(phrase, owner), role)

    def _is_at_home(self, office: int, surface: str) -> bool:
        """Whether an office that is called by its name alone is one of what this text is about, or the name says so."""
        meant = {one.number for one in self._named}
        owners = self._book.owners(office)
        return any(owner in meant or self._book.is_said(surface, owner) for owner in owners) or not owners

    def _places(self, phrase: Phrase, owner: int) -> Iterator[int]:
        """The owner, and the state that is governed from it where it is a seat of power or a capital."""
        yield owner
        if phrase.owner is not None:
            tokens = self._text.tokens[phrase.owner.first : phrase.owner.stop]
            state = self._tables.seats.get(" ".join(token.key for token in tokens))
            if state is not None:
                yield state
        state = self._book.capital_of(owner)
        if state is not None:
            yield state

    def _offices_of(self, places: Iterable[int], role: tuple[str, ...]) -> tuple[int, ...]:
        """The offices with this role of the first of these places that has one."""
        found = (self._book.offices(place, words) for place in places for words in self._called(place, role))
        return next(filter(None, found), ())

    def _called(self, owner: int, role: tuple[str, ...]) -> Iterator[str]:
        """What the owner's office with this role may be called, the likeliest first."""
        leads = role in _LEADING
        is_place = "GPE" in self._book.types(owner)
        if leads and is_place:
            leader = self._tables.leaders.get(owner)
            for name in (leader,) if leader else _LEADING_A_PLACE:
                yield name
                yield from self._others.get(role_words(name.split()), ())
        elif leads:
            yield from _LEADING_AN_ORGANISATION
        else:
            yield " ".join(role)
            plain = tuple(word for word in role if word not in ACTING)
            if plain != role:
                yield " ".join(plain)
            yield from self._others.get(role_words(plain), ())

    def _by_name(self, phrase: Phrase, role: tuple[str, ...], offices: Sequence[int]) -> _Answer | None:
        """The person named beside the phrase, with the office of theirs that it means."""
        name = phrase.name
        if name is None or name.number is None:
            return None
        held = self._book.held_by(name.number, self._day)
        office = next((office for office, _ in held if office in offices), None) or self._fitting(
            held, role, phrase.noun
        )
        if office is None and not phrase.direct and any(self._book.holders(offices, self._day)):
            return None  # somebody else holds the office: the name in apposition belongs to another phrase
        if office is None and not offices and phrase.owner is None and phrase.group is None and not phrase.direct:
            return None
        return _Answer(((name.number, name.confidence),), office or next(iter(offices), None), sure=True)

    def _fitting(self, held: Sequence[tuple[int, bool]], role: tuple[str, ...], noun: tuple[str, ...]) -> int | None:
        """The office among those held whose name has all words of the role, else its noun; the fewest more are best."""
        wanted = role_words(role)
        called = [wanted, *(role_words(other.split()) for other in self._others.get(wanted, ()))]
        if role == _LEADER:
            called = [role_words(name.split()) for name in _LEADING_A_PLACE]
        for some in (called, [role_words(noun)]):
            ranked = [
                (not now, len(words - each), office)
                for office, now in held
                for words in self._book.role_names(office)
                for each in some
                if each and each <= words
            ]
            if ranked:
                return min(ranked)[2]
        return None

    def _by_date(self, offices: Sequence[int], confidence: float) -> _Answer:
        holders = self._book.holders(offices, self._day)
        office = self._office_of(offices, holders)
        share = confidence * BY_DATE / max(1, len(holders))
        people = tuple((holder.number, share) for holder in sorted(holders, key=lambda one: (not one.sure, one.number)))
        return _Answer(people, office, sure=len(holders) == 1 and holders[0].sure)

    def _office_of(self, offices: Sequence[int], holders: Sequence[Holder]) -> int:
        """The office that has holders on the day; several items may stand for one office."""
        held = (office for office in offices if any(self._book.holders((office,), self._day)))
        return next(held, offices[0]) if holders else offices[0]

    def _found(self, phrase: Phrase, answer: _Answer, threshold: float) -> FoundRole:
        start, end = self._text.tokens[phrase.first].start, self._text.tokens[phrase.stop - 1].end
        best = answer.people[0][1] if answer.people else 0.0
        found: Status = "nil" if not answer.people else "linked" if answer.sure and best >= threshold else "ambiguous"
        people = tuple((self._book.id_of(number), share) for number, share in answer.people)
        return FoundRole(start, end, self._text.text[start:end], found, self._office(answer.office), people)

    def _office(self, office: int | None) -> OfficeName | None:
        label = None if office is None else self._book.label(office)
        return None if office is None or label is None else OfficeName(self._book.id_of(office), label)

    def _surface(self, phrase: Phrase) -> str:
        tokens = self._text.tokens[phrase.first : phrase.stop]
        first = tokens[1] if tokens[0].key == ARTICLE and len(tokens) > 1 else tokens[0]
        return self._text.text[first.start : tokens[-1].end]
