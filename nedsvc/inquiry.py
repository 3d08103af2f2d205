"""Asking the knowledge sources one after the other, each only for what those before it leave unsure."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from nedsvc.decision import Decision, decide, status
from nedsvc.errors import SourceUnavailable
from nedsvc.models import Candidate, EntityType, Mention
from nedsvc.ranking import Ranker
from nedsvc.sources import Candidates, KnowledgeSource, Known
from nedsvc.text import Text


class Reading(msgspec.Struct, frozen=True):
    """A text with its mentions; the first one's type where the caller knows it.

    So many of the first mentions are `wanted` (None: all); the others are there as evidence for them.
    """

    text: Text
    mentions: Sequence[Mention]
    wanted: int | None = None
    type_of_first: EntityType | None = None


class Terms(msgspec.Struct, frozen=True):
    """How to decide: with what weights, how many candidates to keep, and the least probability of a link."""

    ranker: Ranker
    most: int
    threshold: float


class Findings(msgspec.Struct, frozen=True):
    """The candidates of each name in a language, and why a name could not be asked."""

    candidates: Mapping[str, Sequence[Candidate]] = {}
    failures: Mapping[str, SourceUnavailable] = {}

    def with_answers(self, answers: Mapping[str, Candidates]) -> "Findings":
        """These findings and what another source says; of one entity the candidate that came first is kept."""
        candidates = dict(self.candidates)
        failures = dict(self.failures)
        for name, answer in answers.items():
            before = candidates.get(name, ())
            if isinstance(answer, SourceUnavailable):
                failures[name] = answer
                candidates[name] = before
            else:
                candidates[name] = _joined(before, answer)
        return Findings(candidates, failures)


def inquire(
    sources: Sequence[KnowledgeSource], readings: Sequence[Reading], terms: Terms, until: float
) -> list[list[Decision]]:
    """The decisions of each text. Every name is asked for once a source, whatever number of texts it stands in.

    The next source is asked for the names of wanted mentions that are not linked by then, and their texts are decided
    anew.
    """
    findings = {reading.text.language: Findings() for reading in readings}
    decisions: list[list[Decision]] = [[] for _ in readings]
    asked: Iterable[int] = range(len(readings))
    for source in sources:
        names = _names(readings, decisions, asked, terms.threshold)
        for language, wanted in names.items():
            findings[language] = findings[language].with_answers(source.search(tuple(wanted), language, until))
        for place in asked:
            decisions[place] = _decide(readings[place], findings, terms)
        asked = [place for place in asked if _unsure(readings[place], decisions[place], terms.threshold)]
    return decisions


def fetch(sources: Sequence[KnowledgeSource], ids: Iterable[str], language: str, until: float) -> dict[str, Known]:
    """The entities with these ids, each from the first source that knows it."""
    found: dict[str, Known] = {}
    missing = list(dict.fromkeys(ids))
    for source in sources:
        if not missing:
            break
        found |= source.fetch(missing, language, until)
        missing = [id_ for id_ in missing if id_ not in found]
    return found


def _names(
    readings: Sequence[Reading], decisions: Sequence[Sequence[Decision]], asked: Iterable[int], threshold: float
) -> dict[str, dict[str, None]]:
    """The names to ask for, by language: those of unsure mentions, or all of a text that is not decided yet."""
    names: dict[str, dict[str, None]] = {}
    for place in asked:
        reading, decided = readings[place], decisions[place]
        wanted = _unsure(reading, decided, threshold) if decided else [mention.surface for mention in reading.mentions]
        names.setdefault(reading.text.language, {}).update(dict.fromkeys(wanted))
    return names


def _unsure(reading: Reading, decisions: Sequence[Decision], threshold: float) -> list[str]:
    last = len(reading.mentions) if reading.wanted is None else reading.wanted
    return [
        decision.chain.name
        for decision in decisions
        if min(decision.chain.mentions) < last and status(decision, threshold) != "linked"
    ]


def _decide(reading: Reading, findings: Mapping[str, Findings], terms: Terms) -> list[Decision]:
    found = findings[reading.text.language]
    decisions = decide(
        reading.text, reading.mentions, found.candidates, terms.ranker, terms.most, reading.type_of_first
    )
    if not found.failures:
        return decisions
    return [_with_failure(decision, decisions, found.failures) for decision in decisions]


def _with_failure(
    decision: Decision, decisions: Sequence[Decision], failures: Mapping[str, SourceUnavailable]
) -> Decision:
    """The decision, marked where its name or a longer one that it may be short for could not be asked."""
    chain = decision.chain
    names = (chain.name, *(decisions[longer].chain.name for longer in chain.expansions))
    failure = next((failures[name] for name in names if name in failures), None)
    return msgspec.structs.replace(decision, failure=failure) if failure else decision


def _joined(first: Sequence[Candidate], second: Sequence[Candidate]) -> Sequence[Candidate]:
    known = {candidate.number for candidate in first}
    return [*first, *(candidate for candidate in second if candidate.number not in known)]
