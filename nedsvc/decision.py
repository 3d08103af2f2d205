"""Deciding the mentions of a document together."""

from collections.abc import Mapping, Sequence
from itertools import islice

import msgspec
import numpy as np

from nedsvc.features import STAGES, CandidateTable, Floats, Ints
from nedsvc.grouping import Chain, chains
from nedsvc.models import Candidate, Mention
from nedsvc.ranking import Ranker
from nedsvc.text import Text

_FROM_AN_EXPANSION = 10  # candidates that a longer name lends to its short forms


class Choice(msgspec.Struct, frozen=True):
    """A candidate with its probability and the values of its features."""

    candidate: Candidate
    probability: float
    features: Mapping[str, float]


class Decision(msgspec.Struct, frozen=True):
    """A chain of mentions with what it may mean, the likeliest first, and the probability that it is none of them."""

    chain: Chain
    choices: tuple[Choice, ...]
    nil: float


def decide(
    text: Text,
    mentions: Sequence[Mention],
    found: Mapping[str, Sequence[Candidate]],
    ranker: Ranker,
    most: int,
) -> list[Decision]:
    """The `most` likeliest candidates of every chain of the document; `found` holds those of each surface."""
    groups = chains(mentions)
    table = _table(text, mentions, groups, found)
    if table is None:
        return [Decision(chain, (), 1.0) for chain in groups]
    values: dict[str, Floats] = {}
    for stage in STAGES:
        values |= {feature.name: feature.function(table) for feature in stage}
        chosen = ranker.probabilities(ranker.scores(values), table.first)
        table = msgspec.structs.replace(table, chosen=chosen)
    return _decisions(table, values, most)


def _table(
    text: Text, mentions: Sequence[Mention], groups: Sequence[Chain], found: Mapping[str, Sequence[Candidate]]
) -> CandidateTable | None:
    rows = [_candidates(chain, groups, found) for chain in groups]
    sizes = np.array([len(row) for row in rows], dtype=np.int64)
    candidates = [candidate for row in rows for candidate in row]
    if not candidates:
        return None
    return CandidateTable(
        text=text,
        mentions=mentions,
        chains=groups,
        candidates=candidates,
        chain=np.repeat(np.arange(len(rows)), sizes),
        first=(np.cumsum(sizes) - sizes)[sizes > 0],
        chosen=np.zeros(len(candidates)),
    )


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
                float(table.chosen[row]),
                dict(zip(names, columns[:, row].tolist(), strict=True)),
            )
            for row in order[start : min(stop, start + most)].tolist()
        )
        decisions.append(Decision(chain, choices, 1.0 - float(table.chosen[start:stop].sum())))
    return decisions


def _ranked(table: CandidateTable) -> Ints:
    """The rows by chain, then by probability, then by popularity, then by the lower number."""
    popularity = np.array([candidate.popularity for candidate in table.candidates])
    numbers = np.array([candidate.number for candidate in table.candidates])
    return np.lexsort((numbers, -popularity, -table.chosen, table.chain))
