"""What speaks for a candidate: a declared list of small functions over all the candidates of a document at once."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from nedsvc import tables
from nedsvc.coherence import best_rows, coherence
from nedsvc.context import WORD_BITS, says_something, word_numbers
from nedsvc.grouping import Chain
from nedsvc.meaning import Contexts, Directions, unit
from nedsvc.models import Candidate, EntityType, Mention, NameKind
from nedsvc.text import Text

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WINDOW = 30  # words on each side of a mention that count as near
SURE = 0.95  # the probability from which on the text around a mention need not be read
_FAR = 0.3  # the weight of a word of the document that is not near


class CandidateTable(msgspec.Struct, frozen=True):
    """The candidates of a document, one row each, sorted by chain.

    `chain` is the row's chain and `first` the row where each chain begins (a chain without candidates has no row and
    no place in `first`). `probability` is the row's probability by the features of the stages before. `vectors` holds
    the direction of each row's entity (zeros: too little is known of it); `contexts` reads the text for them.
    """

    text: Text
    mentions: Sequence[Mention]
    chains: Sequence[Chain]
    candidates: Sequence[Candidate]
    chain: Ints
    first: Ints
    probability: Floats
    contexts: Contexts | None = None
    vectors: Directions | None = None


class Feature(msgspec.Struct, frozen=True):
    """A feature: its name in answers and weights, and what computes it for every row of a table."""

    name: str
    function: Callable[[CandidateTable], Floats]


def similarity(table: CandidateTable) -> Floats:
    """How alike the mention and the entity's name are written, 0 to 1."""
    return np.array([candidate.similarity for candidate in table.candidates])


def label(table: CandidateTable) -> Floats:
    """1 where the mention is the entity's main label, 0 for its other names."""
    return _is_kind(table, "label")


def demonym(table: CandidateTable) -> Floats:
    """1 where the mention is an adjective or a people for the entity ("Ukrainian" for Ukraine)."""
    return _is_kind(table, "demonym")


def shorthand(table: CandidateTable) -> Floats:
    """1 where the mention is a shorthand of world news for the entity ("the West", "NATO")."""
    return _is_kind(table, "shorthand")


def partial(table: CandidateTable) -> Floats:
    """1 where the mention is a part of the entity's longer name."""
    return _is_kind(table, "partial")


def namesake(table: CandidateTable) -> Floats:
    """1 where the mention is one word of a person's longer name: a first name or surname alone."""
    single = np.array([" " not in chain.name.strip() for chain in table.chains])
    person = np.array(["PERSON" in candidate.types for candidate in table.candidates])
    found: Floats = partial(table) * single[table.chain] * person
    return found


def similar(table: CandidateTable) -> Floats:
    """1 where nobody bears the name and the entity bears one with the same letters or words, nearly or in part."""
    return _is_kind(table, "similar") + _is_kind(table, "akin")


def told(table: CandidateTable) -> Floats:
    """The share of the words of a longer mention ("Lille, France") that stand around the entity, its names included.

    0 for a mention of one word.
    """
    asked = [_telling_words(table, chain) for chain in table.chains]
    sizes = np.array([len(words) for words in asked])
    wanted = np.concatenate([(number << WORD_BITS) + words for number, words in enumerate(asked)])
    rows, words = _around(table.candidates)
    hits = np.isin((table.chain[rows] << WORD_BITS) + words, wanted)
    found: Floats = np.bincount(rows[hits], minlength=len(table.candidates)) / np.maximum(sizes[table.chain], 1)
    return found


def _telling_words(table: CandidateTable, chain: Chain) -> Ints:
    """The distinct numbers of the words of a chain's name that say something; none where it is a single one."""
    span = table.text.positions(table.mentions[chain.mentions[0]])
    keys = {token.key for token in table.text.tokens[span.start : span.stop]}
    found = word_numbers(key for key in keys if says_something(key, tables.stop_words())).astype(np.int64)
    return found if len(found) > 1 else found[:0]


def popularity(table: CandidateTable) -> Floats:
    """How well known the entity is, 0 to 1: sitelinks, statements, links to it, the age of its id."""
    return np.array([candidate.popularity for candidate in table.candidates])


def share(table: CandidateTable) -> Floats:
    """The entity's part of the popularity (squared) of all who bear the name, 0 to 1.

    Those who bear it only as a part of a longer name count a tenth.
    """
    weight = (popularity(table) + 0.01) ** 2 * np.where(partial(table) > 0, 0.1, 1.0)
    sums = np.add.reduceat(weight, table.first)
    shares: Floats = weight / np.repeat(sums, _sizes(table))
    return shares


# How well a detector's label (row) agrees with an entity's type (column): 1 the same, 0 cannot tell, -1 another.
_RELATED: dict[EntityType, dict[EntityType, float]] = {
    "GPE": {"LOC": 0.5, "FAC": 0.0, "ORG": 0.0},
    "LOC": {"GPE": 0.5, "FAC": 0.5},
    "FAC": {"LOC": 0.5, "ORG": 0.3, "GPE": 0.0},
    "ORG": {"FAC": 0.3, "PRODUCT": 0.0, "GPE": -0.3, "WORK_OF_ART": -0.3},
    "NORP": {"GPE": 0.5, "LANGUAGE": 0.0, "LOC": 0.0, "ORG": 0.3},
    "PRODUCT": {"ORG": 0.3, "WORK_OF_ART": 0.3},
    "WORK_OF_ART": {"PRODUCT": 0.3},
    "LAW": {"EVENT": 0.0, "WORK_OF_ART": 0.0},
    "EVENT": {"LAW": 0.0, "ORG": 0.0, "WORK_OF_ART": -0.3},
}


def _agreement(given: EntityType, types: frozenset[EntityType]) -> float:
    if given in types:
        return 1.0
    related = _RELATED.get(given, {})
    return max((related.get(one, -1.0) for one in types), default=0.0)


def type_(table: CandidateTable) -> Floats:
    """Whether the detector's label fits the entity's type: 1 yes, -1 no, 0 where one of them is unknown."""
    labels = [table.chains[chain].label for chain in table.chain.tolist()]
    return np.array(
        [
            0.0 if given is None else _agreement(given, candidate.types)
            for given, candidate in zip(labels, table.candidates, strict=True)
        ]
    )


def context(table: CandidateTable) -> Floats:
    """Shared words of the text and the entity's description and surroundings, rare words first, 0 to 1.

    A word weighs more near a mention (`WINDOW` words) than elsewhere in the document, and more the fewer of the
    document's candidates carry it. The sum is divided by the root of the number of the entity's words, so that a
    long description gains nothing, and squashed by 1 - exp(-x).
    """
    known, places = np.unique(table.text.words, return_inverse=True)
    rows, columns = _shared_words(table.candidates, known)
    if not len(rows):
        return np.zeros(len(table.candidates))
    carriers = np.bincount(columns, minlength=len(known))
    rarity = np.log((1 + len(table.candidates)) / (1 + carriers))
    weights = _nearness(table, places, table.chain[rows], columns) * rarity[columns]
    sums = np.bincount(rows, weights=weights, minlength=len(table.candidates))
    lengths = np.array([len(candidate.words) for candidate in table.candidates])
    return 1 - np.exp(-sums / np.sqrt(lengths + 4.0))


def _shared_words(candidates: Sequence[Candidate], known: NDArray[np.uint32]) -> tuple[Ints, Ints]:
    """Pairs of a row and a position in the sorted word numbers `known` that the row's entity carries."""
    rows, words = _around(candidates)
    places = np.minimum(np.searchsorted(known, words), len(known) - 1)
    hits = known[places] == words
    return rows[hits], places[hits]


def _around(candidates: Sequence[Candidate]) -> tuple[Ints, NDArray[np.uint32]]:
    """The words around each row's entity one after the other, and the row of each."""
    lengths = np.array([len(candidate.words) for candidate in candidates])
    return np.repeat(np.arange(len(lengths)), lengths), np.concatenate([candidate.words for candidate in candidates])


def _nearness(table: CandidateTable, places: Ints, chains: Ints, columns: Ints) -> Floats:
    """For each pair of a chain and a distinct word of the text: 1 near a mention, less elsewhere, 0 inside one.

    `places` holds the column of each word of the text; the pairs are sorted by chain.
    """
    weights = np.empty(len(columns))
    of_column = np.full(int(places.max(initial=0)) + 1, _FAR)
    bounds = np.searchsorted(chains, np.arange(len(table.chains) + 1)).tolist()
    for chain, (start, stop) in zip(table.chains, pairwise(bounds), strict=True):
        if start == stop:
            continue
        spans = [table.text.positions(table.mentions[mention]) for mention in chain.mentions]
        near = [places[max(0, span.start - WINDOW) : span.stop + WINDOW] for span in spans]
        for window in near:
            of_column[window] = 1.0
        for span in spans:
            of_column[places[span.start : span.stop]] = 0.0
        weights[start:stop] = of_column[columns[start:stop]]
        for window in near:
            of_column[window] = _FAR
    return weights


def antecedent(table: CandidateTable) -> Floats:
    """The probability that a longer name in the document, which this one may be short for, means the entity."""
    if not any(chain.expansions for chain in table.chains):
        return np.zeros(len(table.candidates))
    chain = table.chain.tolist()
    known = {
        (number, candidate.number): probability
        for number, candidate, probability in zip(chain, table.candidates, table.probability.tolist(), strict=True)
    }
    return np.array(
        [
            max(
                (known.get((longer, candidate.number), 0.0) for longer in table.chains[number].expansions),
                default=0.0,
            )
            for number, candidate in zip(chain, table.candidates, strict=True)
        ]
    )


def meaning(table: CandidateTable) -> Floats:
    """How near the entity's vector is to that of the text around the mention, against the other candidates, -2 to 2.

    0 where the text need not be read: where the mention is sure enough (`SURE`) by the features before, and where
    fewer than two candidates have a vector.
    """
    found = np.zeros(len(table.candidates))
    if table.contexts is None or table.vectors is None:
        return found
    asked = _worth_reading(table, table.vectors)
    if not len(asked):
        return found
    spans = [[table.text.positions(table.mentions[one]) for one in table.chains[chain].mentions] for chain in asked]
    contexts = np.zeros((len(table.chains), table.vectors.shape[1]), dtype=np.float32)
    contexts[asked] = table.contexts.read(table.text, spans)
    return _against_others(table, table.vectors, np.einsum("ij,ij->i", table.vectors, contexts[table.chain]))


def _worth_reading(table: CandidateTable, vectors: Directions) -> Ints:
    """The chains that are not sure and have several candidates with a vector."""
    known = np.add.reduceat(vectors.any(axis=1).astype(np.int64), table.first)
    best = np.maximum.reduceat(table.probability, table.first)
    chains: Ints = table.chain[table.first][(known > 1) & (best < SURE)]
    return chains


def _against_others(table: CandidateTable, vectors: Directions, values: Floats) -> Floats:
    """The values minus the mean of the chain's candidates that have a vector; 0 for those without one."""
    known = vectors.any(axis=1).astype(np.float64)
    means = np.add.reduceat(values * known, table.first) / np.maximum(np.add.reduceat(known, table.first), 1)
    centred: Floats = (values - np.repeat(means, _sizes(table))) * known
    return centred


def related(table: CandidateTable) -> Floats:
    """How near the entity's vector is to those of what the others mean, against the other candidates, -2 to 2."""
    if table.vectors is None:
        return np.zeros(len(table.candidates))
    best = best_rows(table.probability, table.first)
    meant = table.vectors[best] * table.probability[best].astype(np.float32)[:, np.newaxis]
    others = unit(meant.sum(axis=0) - meant)
    values = np.einsum("ij,ij->i", table.vectors, np.repeat(others, _sizes(table), axis=0))
    return _against_others(table, table.vectors, values)


def linked(table: CandidateTable) -> Floats:
    """Links between the entity and what the other mentions mean, in either direction, 0 to 1."""
    return coherence(table.candidates, table.chain, table.probability, table.first)


# The features of a stage may read the probabilities that those before it give: first what the mention and its
# surroundings say, then the longer names of the document, then what its entities have to do with each other.
STAGES = (
    (
        Feature("similarity", similarity),
        Feature("label", label),
        Feature("demonym", demonym),
        Feature("shorthand", shorthand),
        Feature("partial", partial),
        Feature("namesake", namesake),
        Feature("similar", similar),
        Feature("popularity", popularity),
        Feature("share", share),
        Feature("type", type_),
        Feature("told", told),
        Feature("context", context),
    ),
    (Feature("antecedent", antecedent), Feature("meaning", meaning)),
    (Feature("coherence", linked), Feature("related", related)),
)
FEATURES = tuple(feature for stage in STAGES for feature in stage)


def _is_kind(table: CandidateTable, kind: NameKind) -> Floats:
    return np.array([candidate.kind == kind for candidate in table.candidates], dtype=np.float64)


def _sizes(table: CandidateTable) -> Ints:
    return np.diff(np.append(table.first, len(table.candidates)))
