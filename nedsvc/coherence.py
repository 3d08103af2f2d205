"""How the entities of a document hold together: links between what its mentions mean."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nedsvc.models import Candidate

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def coherence(candidates: Sequence[Candidate], chain: Ints, chosen: Floats, first: Ints) -> Floats:
    """For each candidate, 1 - exp(-x) with x the summed probability of the other chains' best entities linked with it.

    A link counts in either direction, and in both it counts twice. `chain` gives each candidate's chain, `first` the
    candidate where each chain begins, `chosen` the probability of each candidate.
    """
    if len(first) < 2:
        return np.zeros(len(candidates))
    best = best_rows(chosen, first)
    numbers = np.array([candidate.number for candidate in candidates], dtype=np.int64)
    outgoing = _linked(candidates, range(len(candidates)), numbers[best])
    incoming = _linked(candidates, best.tolist(), numbers)
    weights = chosen[best]
    mass = np.zeros(len(candidates))
    rows, columns = outgoing
    other = chain[rows] != chain[best[columns]]
    np.add.at(mass, rows[other], weights[columns[other]])
    sources, targets = incoming
    other = chain[best[sources]] != chain[targets]
    np.add.at(mass, targets[other], weights[sources[other]])
    return 1 - np.exp(-mass)


def best_rows(chosen: Floats, first: Ints) -> Ints:
    """The row of each chain's likeliest candidate, the first of equals."""
    bounds = pairwise(np.append(first, len(chosen)).tolist())
    return np.array([start + int(np.argmax(chosen[start:stop])) for start, stop in bounds], dtype=np.int64)


def _linked(candidates: Sequence[Candidate], rows: Sequence[int], numbers: Ints) -> tuple[Ints, Ints]:
    """Pairs (position in `rows`, position in `numbers`) where the row's entity links to the one with that number."""
    links = [candidates[row].links for row in rows]
    lengths = np.array([len(each) for each in links])
    flat = np.concatenate(links).astype(np.int64)
    order = np.argsort(numbers, kind="stable")
    ordered = numbers[order]
    low, high = np.searchsorted(ordered, flat, "left"), np.searchsorted(ordered, flat, "right")
    hits = high - low
    sources = np.repeat(np.repeat(np.arange(len(links)), lengths), hits)
    within = np.arange(hits.sum()) - np.repeat(np.cumsum(hits) - hits, hits)
    return sources, order[np.repeat(low, hits) + within]
