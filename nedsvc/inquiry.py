"""Asking the knowledge sources one after the other, each only for what those before it leave unsure."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec

from nedsvc.decision import Decision, decide, sheet, status
from nedsvc.errors import SourceUnavailable
from nedsvc.models import Candidate, EntityType, Mention
from nedsvc.never import NOTHING, Never
from nedsvc.ranking import Judge
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
    """How to decide: by which judge, how many candidates to keep, the least probability of a link, and never what."""

    judge: Judge
    most: int
    threshold: float
    never: Never = NOTHING


class Findings(msgspec.Struct, frozen=True):
    """The candidates of each name of a text, and why a name could not be asked."""

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
    findings = [Findings() for _ in readings]
    decisions: list[list[Decision]] = [[] for _ in readings]
    asked: Iterable[int] = range(len(readings))
    for source in sources:
        names = {place: _names(readings[place], decisions[place], terms.threshold) for place in asked}
        answers = _answers(source, readings, names, until)
        for place, wanted in names.items():
            # What another text of the batch made the source say must not change this one.
            found = answers[readings[place].text.language]
            findings[place] = findings[place].with_answers({name: found[name] for name in wanted})
        decided = _decide([(readings[place], findings[place]) for place in names], terms)
        for place, found_out in zip(names, decided, strict=True):
            decisions[place] = found_out
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


def _names(reading: Reading, decided: Sequence[Decision], threshold: float) -> list[str]:
    """The names of a text to ask for: those of unsure mentions, or all where it is not decided yet."""
    return _unsure(reading, decided, threshold) if decided else [mention.surface for mention in reading.mentions]


def _answers(
    source: KnowledgeSource, readings: Sequence[Reading], names: Mapping[int, Sequence[str]], until: float
) -> dict[str, Mapping[str, Candidates]]:
    """What a source says of all these names, given by the place of their text, by language."""
    wanted: dict[str, dict[str, None]] = {}
    for place, some in names.items():
        wanted.setdefault(readings[place].text.language, {}).update(dict.fromkeys(some))
    return {language: source.search(tuple(some), language, until) for language, some in wanted.items()}


def _unsure(reading: Reading, decisions: Sequence[Decision], threshold: float) -> list[str]:
    last = len(reading.mentions) if reading.wanted is None else reading.wanted
    return [
        decision.chain.name
        for decision in decisions
        if min(decision.chain.mentions) < last and status(decision, threshold) != "linked"
    ]


def _decide(asked: Sequence[tuple[Reading, Findings]], terms: Terms) -> list[list[Decision]]:
    sheets = [
        sheet(reading.text, reading.mentions, found.candidates, reading.type_of_first, terms.never)
        for reading, found in asked
    ]
    return [
        [_with_failure(decision, decisions, found.failures) for decision in decisions] if found.failures else decisions
        for (_, found), decisions in zip(asked, decide(sheets, terms.judge, terms.most), strict=True)
    ]


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
