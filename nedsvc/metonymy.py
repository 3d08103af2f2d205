"""Metonymy: a capital that acts ("Moscow backed the plan") stands for the government of what it is the capital of."""

from collections.abc import Iterator, Sequence

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
    """Tells where a capital acts, by general lists: `verbs` of what a government does, `nouns` of what it has."""

    def __init__(self, book: OfficeBook, verbs: frozenset[str], nouns: frozenset[str]) -> None:
        self._book = book
        self._verbs = verbs
        self._nouns = nouns

    def referents(
        self, text: Text, mentions: Sequence[Mention], decisions: Sequence[Decision], threshold: float
    ) -> list[Decision]:
        """The decisions with those mentions apart that mean a government, or the state where no government is known."""
        if text.language != LANGUAGE:
            return list(decisions)
        return [one for decision in decisions for one in self._parted(text, mentions, decision, threshold)]

    def _parted(
        self, text: Text, mentions: Sequence[Mention], decision: Decision, threshold: float
    ) -> Iterator[Decision]:
        referent = self._referent(decision, threshold)
        acting = (
            tuple(place for place in decision.chain.mentions if self._acts(text, mentions[place])) if referent else ()
        )
        if referent is None or not acting:
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
        if state is None:
            return None
        candidate = self._book.candidate(self._book.government(state) or state)
        return candidate and Choice(candidate, best.probability * REFERENT, {})

    def _acts(self, text: Text, mention: Mention) -> bool:
        positions = text.positions(mention)
        if not positions or self._is_placed(text, positions.start):
            return False
        after = positions.stop
        if _key(text, after) == "s" and _gap(text, after) in _APOSTROPHES:
            return any(self._is_own(text, place) for place in (after + 1, after + 2))
        return self._is_subject(text, after)

    def _is_placed(self, text: Text, first: int) -> bool:
        """Whether a preposition makes it a place, be it before another city ("in Paris and London")."""
        if _key(text, first - 1) in {"and", "or"}:
            return _key(text, first - 3) in _PLACING
        return _key(text, first - 1) in _PLACING and _gap(text, first) == " "

    def _is_own(self, text: Text, place: int) -> bool:
        return _gap(text, place) == " " and _key(text, place) in self._nouns

    def _is_subject(self, text: Text, place: int) -> bool:
        """Whether a verb of what governments do follows, perhaps behind auxiliaries and adverbs."""
        infinitive = False
        for position in range(place, place + MOST_BETWEEN + 1):
            key = _key(text, position)
            if _gap(text, position) != " ":
                return False
            if key in self._verbs or f"{key} {_key(text, position + 1)}" in self._verbs:
                return True
            if infinitive and not self._verbs.isdisjoint((f"{key}s", f"{key}es", f"{key[:-1]}ies")):
                return True
            if key not in _BETWEEN and not key.endswith("ly"):
                return False
            infinitive |= key in _MODALS
        return False


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


def _key(text: Text, position: int) -> str:
    return text.tokens[position].key if 0 <= position < len(text.tokens) else ""


def _gap(text: Text, position: int) -> str:
    """What stands between the word before and the word here; "" at either end of the text."""
    if not 0 < position < len(text.tokens):
        return ""
    return text.text[text.tokens[position - 1].end : text.tokens[position].start]
