"""Deciding the mentions of a document together."""

from collections.abc import Mapping, Sequence
from itertools import islice

import msgspec
import numpy as np

from nedsvc.errors import SourceUnavailable
from nedsvc.features import STAGES, CandidateTable, Floats, Ints
from nedsvc.grouping import Chain, chains
from nedsvc.meaning import Contexts, Directions, unit
from nedsvc.models import Candidate, EntityType, Mention, Status
from nedsvc.ranking import Judge
from nedsvc.text import Text

_FROM_AN_EXPANSION = 10  # candidates that a longer name lends to its short forms


class Choice(msgspec.Struct, frozen=True):
    """A candidate with its probability and the values of its features."""

    candidate: Candidate
    probability: float
    features: Mapping[str, float]


class Decision(msgspec.Struct, frozen=True):
    """A chain of mentions with what it may mean, the likeliest first, and the probability that it is none of them.

    `failure` tells why what it means could not be found out.
    """

    chain: Chain
    choices: tuple[Choice, ...]
    nil: float
    failure: SourceUnavailable | None = None


def status(decision: Decision, threshold: float) -> Status:
    """Linked where the best candidate is sure enough, NIL where none is likelier than it, else ambiguous.

    Nothing is said of a chain that a source could not be asked for: another candidate might have been better.
    """
    if decision.failure:
        return "error"
    if not decision.choices:
        return "nil"
    best = decision.choices[0].probability
    if best >= threshold:
        return "linked"
    return "nil" if decision.nil >= best else "ambiguous"


def decide(
    text: Text,
    mentions: Sequence[Mention],
    found: Mapping[str, Sequence[Candidate]],
    judge: Judge,
    most: int,
    type_of_first: EntityType | None = None,
) -> list[Decision]:
    """The `most` likeliest candidates of every chain of the document; `found` holds those of each surface.

    With `type_of_first`, the first mention's candidates that are known to be of another type are left out.
    """
    groups = chains(mentions)
    rows = [_candidates(chain, groups, found) for chain in groups]
    if type_of_first is not None:
        rows[0] = [candidate for candidate in rows[0] if _may_be(candidate, type_of_first)]
    if not any(rows):
        return [Decision(chain, (), 1.0) for chain in groups]
    table = _table(text, mentions, groups, rows, judge.contexts)
    values: dict[str, Floats] = {}
    for stage in STAGES:
        values |= {feature.name: feature.function(table) for feature in stage}
        probability = judge.ranker.probabilities(judge.ranker.scores(values), table.first)
        table = msgspec.structs.replace(table, probability=probability)
    return _decisions(table, values, most)


def _table(
    text: Text,
    mentions: Sequence[Mention],
    groups: Sequence[Chain],
    rows: Sequence[Sequence[Candidate]],
    contexts: Contexts | None,
) -> CandidateTable:
    sizes = np.array([len(row) for row in rows], dtype=np.int64)
    candidates = [candidate for row in rows for candidate in row]
    return CandidateTable(
        text=text,
        mentions=mentions,
        chains=groups,
        candidates=candidates,
        chain=np.repeat(np.arange(len(rows)), sizes),
        first=(np.cumsum(sizes) - sizes)[sizes > 0],
        probability=np.zeros(len(candidates)),
        contexts=contexts,
        vectors=_vectors(candidates),
    )


def _vectors(candidates: Sequence[Candidate]) -> Directions | None:
    """The candidates' vectors with length 1, zeros for those without; None where nobody has one."""
    width = next((len(candidate.vector) for candidate in candidates if candidate.vector is not None), None)
    if width is None:
        return None
    unknown = np.zeros(width, dtype=np.int8)
    vectors = [unknown if candidate.vector is None else candidate.vector for candidate in candidates]
    return unit(np.concatenate(vectors).reshape(-1, width).astype(np.float32))


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
    return [*own, *(msgspec.structs.replace(candidate, kind="expansion") for candidate in lent.values())]


def _decisions(table: CandidateTable, values: Mapping[str, Floats], most: int) -> list[Decision]:
    order = _ranked(table)
    columns = np.array(list(values.values()))
    names = tuple(values)
    bounds = np.searchsorted(table.chain, np.arange(len(table.chains) + 1)).tolist()
    decisions = []
    for chain, start, stop in zip(table.chains, bounds[:-1], bounds[1:], strict=True):
        choices = tuple(
            Choice(
                table.candidates[row],
                float(table.probability[row]),
                dict(zip(names, columns[:, row].tolist(), strict=True)),
            )
            for row in order[start : min(stop, start + most)].tolist()
        )
        decisions.append(Decision(chain, choices, 1.0 - float(table.probability[start:stop].sum())))
    return decisions


def _ranked(table: CandidateTable) -> Ints:
    """The rows by chain, then by probability, then by popularity, then by the lower number."""
    popularity = np.array([candidate.popularity for candidate in table.candidates])
    numbers = np.array([candidate.number for candidate in table.candidates])
    return np.lexsort((numbers, -popularity, -table.probability, table.chain))
