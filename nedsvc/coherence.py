"""How the entities of a document hold together: links between what its mentions mean."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from nedsvc.candidate_table import CandidateTable, Floats, Ints
from nedsvc.models import Candidate

_NUMBER_BITS = 32


def coherence(table: CandidateTable) -> Floats:
    """Links between the entity and what the other mentions mean, in either direction, 0 to 1.

    It is 1 - exp(-x) with x the summed probability of the other chains' best entities that are linked with it. A link
    in both directions counts twice.
    """
    mass = np.zeros(len(table.candidates))
    if len(table.first) < 2:
        return mass
    best = best_rows(table.probability, table.first)
    weights = table.probability[best]
    # An entity is another one in each document.
    keys = _keys(table.document, table.numbers)
    for targets, sources in (_outgoing(table, keys, best), _incoming(table, keys, best)):
        other = table.chain[targets] != table.chain[best[sources]]
        mass += np.bincount(targets[other], weights[sources[other]], len(mass))
    return 1 - np.exp(-mass)


def best_rows(chosen: Floats, first: Ints) -> Ints:
    """The row of each chain's likeliest candidate, the first of equals."""
    bounds = pairwise(np.append(first, len(chosen)).tolist())
    return np.array([start + int(np.argmax(chosen[start:stop])) for start, stop in bounds], dtype=np.int64)


def _keys(documents: Ints, numbers: NDArray[np.integer]) -> Ints:
    keys: Ints = (documents << _NUMBER_BITS) + numbers
    return keys


def _outgoing(table: CandidateTable, keys: Ints, best: Ints) -> tuple[Ints, Ints]:
    """Pairs of a row and a place in `best` to whose entity the row's links."""
    return _linked(table.candidates, table.document, keys[best])


def _incoming(table: CandidateTable, keys: Ints, best: Ints) -> tuple[Ints, Ints]:
    """Pairs of a row and a place in `best` whose entity links to the row's."""
    places, rows = _linked([table.candidates[row] for row in best.tolist()], table.document[best], keys)
    return rows, places


def _linked(candidates: Sequence[Candidate], documents: Ints, keys: Ints) -> tuple[Ints, Ints]:
    """Pairs of a place in `candidates` and one in `keys` where the candidate links to the entity with that key."""
    lengths = np.array([len(candidate.links) for candidate in candidates])
    flat = _keys(np.repeat(documents, lengths), np.concatenate([candidate.links for candidate in candidates]))
    order = np.argsort(keys, kind="stable")
    ordered = keys[order]
    low, high = np.searchsorted(ordered, flat, "left"), np.searchsorted(ordered, flat, "right")
    hits = high - low
    sources = np.repeat(np.repeat(np.arange(len(lengths)), lengths), hits)
    within = np.arange(hits.sum()) - np.repeat(np.cumsum(hits) - hits, hits)
    return sources, order[np.repeat(low, hits) + within]
