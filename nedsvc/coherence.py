"""How the entities of a document hold together: links between what its mentions mean."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from nedsvc.candidate_table import CandidateTable, Floats, Ints
from nedsvc.models import Candidate


def coherence(table: CandidateTable) -> Floats:
    """For each candidate, 1 - exp(-x) with x the summed probability of the other chains' best entities linked with it.

    A link counts in either direction, and in both it counts twice.
    """
    mass = np.zeros(len(table.candidates))
    if len(table.first) < 2:
        return mass
    best = best_rows(table.probability, table.first)
    weights = table.probability[best]
    for targets, sources in (_outgoing(table, best), _incoming(table, best)):
        other = table.chain[targets] != table.chain[best[sources]]
        mass += np.bincount(targets[other], weights[sources[other]], len(mass))
    return 1 - np.exp(-mass)


def best_rows(chosen: Floats, first: Ints) -> Ints:
    """The row of each chain's likeliest candidate, the first of equals."""
    bounds = pairwise(np.append(first, len(chosen)).tolist())
    return np.array([start + int(np.argmax(chosen[start:stop])) for start, stop in bounds], dtype=np.int64)


def _outgoing(table: CandidateTable, best: Ints) -> tuple[Ints, Ints]:
    """Pairs of a row and a place in `best` to whose entity the row's links."""
    return _linked(table.candidates, table.numbers[best])


def _incoming(table: CandidateTable, best: Ints) -> tuple[Ints, Ints]:
    """Pairs of a row and a place in `best` whose entity links to the row's."""
    places, rows = _linked([table.candidates[row] for row in best.tolist()], table.numbers)
    return rows, places


def _linked(candidates: Sequence[Candidate], numbers: Ints) -> tuple[Ints, Ints]:
    """Pairs of a place in `candidates` and one in `numbers` where the candidate links to the entity of that number."""
    links = [candidate.links for candidate in candidates]
    flat = np.concatenate(links)
    lengths = np.array([len(each) for each in links])
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    low, high = np.searchsorted(ordered, flat, "left"), np.searchsorted(ordered, flat, "right")
    hits = high - low
    sources = np.repeat(np.repeat(np.arange(len(links)), lengths), hits)
    within = np.arange(hits.sum()) - np.repeat(np.cumsum(hits) - hits, hits)
    return sources, order[np.repeat(low, hits) + within]
