"""Deciding the mentions of a document together."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, pairwise

import msgspec
import numpy as np

from nedsvc.candidate_table import GUESSES, CandidateTable, Floats, Ints, Sheet, candidate_table
from nedsvc.errors import SourceUnavailable
from nedsvc.features import FEATURES, OF_LINKS, STAGES
from nedsvc.grouping import Chain, chains
from nedsvc.models import Candidate, EntityType, Mention, Status
from nedsvc.never import NOTHING, Never
from nedsvc.ranking import Judge, Ranker
from nedsvc.text import Text

NAMES = tuple(feature.name for feature in FEATURES)
NO_VALUES = np.zeros(0)
LEAST_LEAD = 0.05  # of a link before the next candidate
_MENTIONS_TOGETHER = 256
_FROM_AN_EXPANSION = 10  # candidates that a longer name lends to its short forms


class Choice(msgspec.Struct, frozen=True):
    """A candidate with its probability and the values of its features, in the order of `NAMES`."""

    candidate: Candidate
    probability: float
    values: Floats = NO_VALUES

    @property
    def features(self) -> dict[str, float]:
        """The values of the features by name; none for a candidate that was not weighed."""
        return dict(zip(NAMES, self.values.tolist(), strict=False))


class Decision(msgspec.Struct, frozen=True):
    """A chain of mentions with what it may mean, the likeliest first, and the probability that it is none of them.

    `lead` is how far the likeliest is before the next one, and `weights` are those of the features that say so.
    `failure` tells why what it means could not be found out.
    """

    chain: Chain
    choices: tuple[Choice, ...]
    nil: float
    lead: float = 1.0
    weights: Mapping[str, float] = {}
    failure: SourceUnavailable | None = None


def status(decision: Decision, threshold: float) -> Status:
    """Linked where the best candidate is sure enough and leads, NIL where none is likelier than it, else ambiguous.

    A candidate whose name only has something in common with the mention is a hint at what it may be, and no link.
    Nothing is said of a chain that a source could not be asked for: another candidate might have been better.
    """
    if decision.failure:
        return "error"
    if not decision.choices:
        return "nil"
    best = decision.choices[0].probability
    if decision.choices[0].candidate.kind in GUESSES:
        return "nil"
    if best >= threshold:
        return "linked" if decision.lead >= LEAST_LEAD else "ambiguous"
    return "nil" if decision.nil >= best else "ambiguous"


def decide(sheets: Sequence[Sheet], judge: Judge, most: int) -> list[list[Decision]]:
    """The `most` likeliest candidates of every chain of each document; none has a say in another one."""
    tables = (candidate_table(some, judge.contexts) for some in _together(sheets))
    return [decided for table in tables for decided in decide_table(table, judge.ranker, most)]


def _together(sheets: Sequence[Sheet]) -> Iterator[list[Sheet]]:
    """Documents with some hundred mentions at a time: what is done once for all of them is not done for each."""
    some: list[Sheet] = []
    mentions = 0
    for sheet in sheets:
        some.append(sheet)
        mentions += len(sheet.mentions)
        if mentions >= _MENTIONS_TOGETHER:
            yield some
            some, mentions = [], 0
    if some:
        yield some


def reasons(decision: Decision) -> dict[str, float]:
    """What spoke for the best candidate and against the next one: the differences of their features, weighed.

    The most telling first; what speaks against the best one is negative. Empty where there is no next one.
    """
    if len(decision.choices) < 2:
        return {}
    best, other = decision.choices[0].features, decision.choices[1].features
    weighed = {name: weight * (best.get(name, 0.0) - other.get(name, 0.0)) for name, weight in decision.weights.items()}
    return dict(sorted(((name, value) for name, value in weighed.items() if value), key=lambda item: -abs(item[1])))


def sheet(
    text: Text,
    mentions: Sequence[Mention],
    found: Mapping[str, Sequence[Candidate]],
    type_of_first: EntityType | None = None,
    never: Never = NOTHING,
) -> Sheet:
    """A document with the candidates of each chain; `found` holds those of each surface.

    With `type_of_first`, the first mention's candidates that are known to be of another type are left out; and so are
    those that a name must `never` be linked to, whoever gave or lent them.
    """
    groups = chains(mentions)
    rows = [_candidates(chain, groups, found) for chain in groups]
    if type_of_first is not None:
        rows[0] = [candidate for candidate in rows[0] if _may_be(candidate, type_of_first)]
    if never:
        rows = [never.leaves(chain.name, row) for chain, row in zip(groups, rows, strict=True)]
    return Sheet(text, mentions, groups, rows)


def decide_table(table: CandidateTable, ranker: Ranker, most: int) -> list[list[Decision]]:
    """The `most` likeliest candidates of every chain of each document of a table."""
    bounds = pairwise(table.bounds())
    if not table.candidates:
        return [[Decision(chain, (), 1.0) for chain in sheet.chains] for sheet in table.sheets]
    values, probability = weigh(table, ranker)
    rows = np.array([values[name] for name in NAMES]).T
    confidence = ranker.confidence(probability)
    order = _ranked(table, probability)

    def decided(chain: Chain) -> Decision:
        start, stop = next(bounds)
        choices = tuple(
            Choice(table.candidates[row], float(confidence[row]), rows[row])
            for row in order[start : min(stop, start + most)].tolist()
        )
        nil = 1.0 - float(probability[start:stop].sum())
        return Decision(chain, choices, nil, _lead(confidence[order[start:stop][:2]]), ranker.weights)

    return [[decided(chain) for chain in sheet.chains] for sheet in table.sheets]


def _lead(best: Floats) -> float:
    """How far the first of at most two is before the other."""
    return float(best[0] - best[1]) if len(best) > 1 else 1.0


def weigh(table: CandidateTable, ranker: Ranker) -> tuple[Mapping[str, Floats], Floats]:
    """The values of all features for the candidates of a table that has some, and the probability of each."""
    values: dict[str, Floats] = {}
    for stage in STAGES:
        values |= {feature.name: feature.function(table) for feature in stage}
        # Even a sum with zeros may be rounded otherwise, so without links of a wiki there are no features of them.
        spoken = values if table.is_anchored else {name: values[name] for name in values if name not in OF_LINKS}
        table = msgspec.structs.replace(table, probability=ranker.probabilities(ranker.scores(spoken), table.first))
    return values, table.probability


def _may_be(candidate: Candidate, type_: EntityType) -> bool:
    """Whether nothing is known against the type; a demonym names a people."""
    return not candidate.types or type_ in candidate.types or (type_ == "NORP" and candidate.kind == "demonym")


def _candidates(chain: Chain, groups: Sequence[Chain], found: Mapping[str, Sequence[Candidate]]) -> Sequence[Candidate]:
    """The candidates of the name itself and those that the longer names of the document lend it."""
    own = found[chain.name]
    known = {candidate.number for candidate in own}
    lent = {
        candidate.number: candidate
        for longer in chain.expansions
        for candidate in islice(found[groups[longer].name], _FROM_AN_EXPANSION)
        if candidate.number not in known
    }
    return [*own, *(msgspec.structs.replace(candidate, kind="expansion", anchors=None) for candidate in lent.values())]


def _ranked(table: CandidateTable, probability: Floats) -> Ints:
    """The rows by chain, then by probability, then by popularity, then by the lower number."""
    return np.lexsort((table.numbers, -table.popularity, -probability, table.chain))
