"""Metonymy: a capital that acts ("Moscow backed the plan") stands for the government of what it is the capital of."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from nedsvc.decision import Choice, Decision, status
from nedsvc.models import Mention
from nedsvc.offices import OfficeBook
from nedsvc.text import Text

REFERENT = 0.9  # the part of the city's probability that goes to what it stands for
LANGUAGE = "en"
MOST_BETWEEN = 3  # words between a capital and its verb ("has repeatedly rejected")

_MODALS = frozenset(("will", "would", "may", "might", "could", "should", "must", "can", "did", "does", "to"))
_BETWEEN = _MODALS | frozenset(
    ("has", "had", "have", "also", "not", "never", "again", "now", "then", "still", "already", "even", "just", "soon")
)
# Behind one of these a city is a place, or somebody else acts.
_PLACING = frozenset(
    ("in", "at", "from", "to", "of", "near", "into", "around", "outside", "inside", "across", "through", "for", "with")
) | frozenset(("against", "by", "toward", "towards", "on", "over", "about", "under", "left", "visiting", "downtown"))
_APOSTROPHES = frozenset(("'", "’", "ʼ"))


class Metonyms:
    """Tells where a capital acts, by general lists: `verbs` of what a government does, `nouns` of what it has.

    Only capitals of these `states` stand for their governments: Boston is seldom Massachusetts.
    """

    def __init__(self, book: OfficeBook, states: frozenset[int], verbs: frozenset[str], nouns: frozenset[str]) -> None:
        self._book = book
        self._states = states
        self._verbs = verbs
        self._nouns = nouns

    def referents(
        self, text: Text, mentions: Sequence[Mention], decisions: Sequence[Decision], threshold: float
    ) -> list[Decision]:
        """The decisions with those mentions apart that mean a government, or the state where no government is known."""
        if text.language != LANGUAGE:
            return list(decisions)
        spans = [text.positions(mention) for mention in mentions]
        clauses = _Clauses(text, {span.start: span.stop for span in spans if span}, self._verbs, self._nouns)
        acts = [bool(span) and clauses.acts(span) for span in spans]
        return [one for decision in decisions for one in self._parted(decision, acts, threshold)]

    def _parted(self, decision: Decision, acts: Sequence[bool], threshold: float) -> Iterator[Decision]:
        acting = tuple(place for place in decision.chain.mentions if acts[place])
        referent = self._referent(decision, threshold) if acting else None
        if referent is None:
            yield decision
            return
        placed = tuple(place for place in decision.chain.mentions if place not in acting)
        if placed:
            yield _of(decision, placed)
        yield msgspec.structs.replace(_of(decision, acting), choices=_shifted(referent, decision.choices))

    def _referent(self, decision: Decision, threshold: float) -> Choice | None:
        """What the capital stands for; None for what is no capital."""
        if status(decision, threshold) != "linked" or "GPE" not in decision.choices[0].candidate.types:
            return None
        best = decision.choices[0]
        state = self._book.capital_of(best.candidate.number)
        if state is None or state not in self._states:
            return None
        candidate = self._book.candidate(self._book.government(state) or state)
        return Choice(candidate, best.probability * REFERENT) if candidate else None


class _Clauses(NamedTuple):
    """What stands around the mentions of a text; `ends` are the positions where they end, by those where they begin."""

    text: Text
    ends: Mapping[int, int]
    verbs: frozenset[str]
    nouns: frozenset[str]

    def acts(self, mention: range) -> bool:
        """Whether the mention does or has what only a government does or has."""
        if self._is_placed(mention.start):
            return False
        after = mention.stop
        if self._key(after) == "s" and self._gap(after) in _APOSTROPHES:
            return any(self._is_own(place) for place in (after + 1, after + 2))
        if self._key(after) == "and" and after + 1 in self.ends:
            return self._is_subject(self.ends[after + 1], plural=True)
        return self._is_subject(after, plural=self._key(mention.start - 1) == "and")

    def _is_placed(self, first: int) -> bool:
        """Whether a preposition makes it a place, be it before another city ("in Paris and London")."""
        if self._key(first - 1) in {"and", "or"}:
            return self._key(first - 3) in _PLACING
        return self._key(first - 1) in _PLACING and self._gap(first) == " "

    def _is_own(self, place: int) -> bool:
        return self._gap(place) == " " and self._key(place) in self.nouns

    def _is_subject(self, place: int, *, plural: bool) -> bool:
        """Whether a verb of what governments do follows, perhaps behind auxiliaries and adverbs."""
        infinitive = plural
        for position in range(place, place + MOST_BETWEEN + 1):
            key = self._key(position)
            if self._gap(position) != " ":
                return False
            if key in self.verbs or f"{key} {self._key(position + 1)}" in self.verbs:
                return True
            if infinitive and not self.verbs.isdisjoint((f"{key}s", f"{key}es", f"{key[:-1]}ies")):
                return True
            if key not in _BETWEEN and not key.endswith("ly"):
                return False
            infinitive |= key in _MODALS
        return False

    def _key(self, position: int) -> str:
        return self.text.tokens[position].key if 0 <= position < len(self.text.tokens) else ""

    def _gap(self, position: int) -> str:
        """What stands between the word before and the word here; "" at either end of the text."""
        if not 0 < position < len(self.text.tokens):
            return ""
        return self.text.text[self.text.tokens[position - 1].end : self.text.tokens[position].start]


def _of(decision: Decision, places: tuple[int, ...]) -> Decision:
    """The decision for some of its mentions."""
    return msgspec.structs.replace(decision, chain=msgspec.structs.replace(decision.chain, mentions=places))


def _shifted(referent: Choice, choices: Sequence[Choice]) -> tuple[Choice, ...]:
    """The referent and, with what it leaves, what the name says literally."""
    literal = (
        msgspec.structs.replace(choice, probability=choice.probability * (1 - REFERENT))
        for choice in choices
        if choice.candidate.number != referent.candidate.number
    )
    return referent, *literal
