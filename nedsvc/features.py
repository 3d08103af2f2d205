"""What speaks for a candidate: a declared list of small functions over all the candidates of some documents at once."""

from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise

import msgspec
import numpy as np

from nedsvc import tables
from nedsvc.candidate_table import GUESSES, CandidateTable, Floats, Ints
from nedsvc.coherence import best_rows, coherence
from nedsvc.context import says_something
from nedsvc.grouping import Chain
from nedsvc.meaning import Directions, unit
from nedsvc.models import EntityType

WINDOW = 30  # words on each side of a mention that count as near
SURE = 0.95  # the probability from which on the text around a mention need not be read
_LEAST_SUM = 1e-9
_LINKS_UNSEEN = 20  # links that may lead elsewhere, beside those that were counted
_LEAST_PART = 0.05  # what is seen less often counts little more than what is not seen
_USUALLY_LINKED = 0.05
_TEXTS_UNSEEN = 20  # of which as many are links as usual, beside those that were counted
_FAR = 0.3  # the weight of a word of the document that is not near


class Feature(msgspec.Struct, frozen=True):
    """A feature: its name in answers and weights, and what computes it for every row of a table."""

    name: str
    function: Callable[[CandidateTable], Floats]


def similarity(table: CandidateTable) -> Floats:
    """How alike the mention and the entity's name are written, 0 to 1."""
    return np.array([candidate.similarity for candidate in table.candidates])


def label(table: CandidateTable) -> Floats:
    """1 where the mention is the entity's main label, 0 for its other names."""
    return table.is_kind("label")


def demonym(table: CandidateTable) -> Floats:
    """1 where the mention is an adjective or a people for the entity ("Ukrainian" for Ukraine)."""
    return table.is_kind("demonym")


def shorthand(table: CandidateTable) -> Floats:
    """1 where the mention is a shorthand of world news for the entity ("the West", "NATO")."""
    return table.is_kind("shorthand")


def partial(table: CandidateTable) -> Floats:
    """1 where the mention is a part of the entity's longer name."""
    return table.is_kind("partial")


def namesake(table: CandidateTable) -> Floats:
    """1 where the mention is one word of a person's longer name: a first name or surname alone."""
    single = np.array([" " not in chain.name.strip() for chain in table.chains])
    found: Floats = table.is_kind("partial") * single[table.chain]
    rows = np.flatnonzero(found)
    found[rows] = ["PERSON" in table.candidates[row].types for row in rows.tolist()]
    return found


def similar(table: CandidateTable) -> Floats:
    """1 where nobody bears the name and the entity bears one with the same letters or words, nearly or in part."""
    return table.is_kind("similar") + table.is_kind("akin")


def told(table: CandidateTable) -> Floats:
    """The share of the words of a longer mention ("Lille, France") that stand around the entity, its names included.

    0 for a mention of one word.
    """
    places = table.shared.places.tolist()
    asked = [_telling_words(table, chain, places) for chain in table.chains]
    wanted = [number * table.shared.count + word for number, words in enumerate(asked) for word in words]
    rows = table.shared.rows
    hits = np.isin(table.chain[rows] * table.shared.count + table.shared.words, wanted)
    sizes = np.array([max(1, len(words)) for words in asked])
    found: Floats = np.bincount(rows[hits], minlength=len(table.candidates)) / sizes[table.chain]
    return found


def _telling_words(table: CandidateTable, chain: Chain, places: Sequence[int]) -> set[int]:
    """The distinct words of a chain's name that say something; none where it is a single one.

    `places` holds the number of each word of the texts.
    """
    span = table.spans[chain.mentions[0]]
    stop_words = tables.stop_words()
    found = {places[place] for place in span if says_something(table.tokens[place].key, stop_words)}
    return found if len(found) > 1 else set()


def popularity(table: CandidateTable) -> Floats:
    """How well known the entity is, 0 to 1: sitelinks, statements, links to it, the age of its id."""
    return table.popularity


def share(table: CandidateTable) -> Floats:
    """The entity's part of the popularity (squared) of all who bear the name, 0 to 1.

    Those who bear it only as a part of a longer name count a tenth, those whose name is a mere guess not at all.
    """
    is_guess = sum(map(table.is_kind, GUESSES))
    counts = np.where(table.is_kind("partial") > 0, 0.1, 1.0) * (1.0 - is_guess)
    weight = (table.popularity + 0.01) ** 2 * counts
    sums = np.maximum(np.add.reduceat(weight, table.first), _LEAST_SUM)
    shares: Floats = weight / np.repeat(sums, table.sizes)
    return shares


def prior(table: CandidateTable) -> Floats:
    """How large a part of the links in a wiki that have this text lead to the entity, smoothed, 0 to 1; 0 if unknown.

    The logarithm of the part, from one in twenty upward: the model adds up what are logarithms of odds.
    """
    if table.anchors is None:
        return np.zeros(len(table.candidates))
    meant, of, _ = table.anchors.T
    part = meant / (of + _LINKS_UNSEEN)
    found: Floats = np.log1p(part / _LEAST_PART) / np.log1p(1 / _LEAST_PART)
    return found


def linked(table: CandidateTable) -> Floats:
    """How often the text is a link where it stands in a wiki, against one in twenty, -1 to 1; 0 if unknown.

    The same for all candidates of a mention: it tells a name from a word, and nothing of whose name it is.
    """
    if table.anchors is None:
        return np.zeros(len(table.candidates))
    # The name that was looked for first of those by which candidates match.
    rows = np.where(table.anchors[:, 1] > 0, np.arange(len(table.candidates)), len(table.candidates))
    counts = np.append(table.anchors, np.zeros((1, 3)), axis=0)[np.minimum.reduceat(rows, table.first)]
    _, of, unlinked = counts.T
    often = (of + _USUALLY_LINKED * _TEXTS_UNSEEN) / (of + unlinked + _TEXTS_UNSEEN)
    found: Floats = np.repeat(np.clip(np.log10(often / _USUALLY_LINKED) / 2, -1, 1) * (of > 0), table.sizes)
    return found


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


@cache
def _agreement(given: EntityType, types: frozenset[EntityType]) -> float:
    if given in types:
        return 1.0
    related = _RELATED.get(given, {})
    return max((related.get(one, -1.0) for one in types), default=0.0)


def type_(table: CandidateTable) -> Floats:
    """Whether the detector's label fits the entity's type: 1 yes, -1 no, 0 where one of them is unknown."""
    found = np.zeros(len(table.candidates))
    for chain, (start, stop) in zip(table.chains, pairwise(table.bounds()), strict=True):
        if chain.label is not None:
            found[start:stop] = [_agreement(chain.label, each.types) for each in table.candidates[start:stop]]
    return found


def context(table: CandidateTable) -> Floats:
    """Shared words of the text and the entity's description and surroundings, rare words first, 0 to 1.

    A word weighs more near a mention (`WINDOW` words) than elsewhere in the document, and more the fewer of the
    document's candidates carry it. The sum is divided by the root of the number of the entity's words, so that a
    long description gains nothing, and squashed by 1 - exp(-x).
    """
    shared = table.shared
    carriers = np.bincount(shared.words, minlength=shared.count)
    candidates = np.bincount(table.document, minlength=len(table.sheets))
    rarity = np.log((1 + candidates[shared.documents]) / (1 + carriers))
    weights = _nearness(table) * rarity[shared.words]
    sums = np.bincount(shared.rows, weights=weights, minlength=len(table.candidates))
    lengths = np.array([len(candidate.words) for candidate in table.candidates])
    return 1 - np.exp(-sums / np.sqrt(lengths + 4.0))


def _nearness(table: CandidateTable) -> Floats:
    """For each word that a candidate shares with the text: 1 near a mention, less elsewhere, 0 inside one."""
    shared = table.shared
    places = shared.places
    weights = np.empty(len(shared.rows))
    of_word = np.full(shared.count, _FAR)
    bounds = np.searchsorted(table.chain[shared.rows], np.arange(len(table.chains) + 1)).tolist()
    documents = table.documents.tolist()
    for number, (start, stop) in enumerate(pairwise(bounds)):
        if start == stop:
            continue
        spans = [table.spans[mention] for mention in table.chains[number].mentions]
        begin, end = table.begins[documents[number]], table.begins[documents[number] + 1]
        near = [places[max(begin, span.start - WINDOW) : min(end, span.stop + WINDOW)] for span in spans]
        for window in near:
            of_word[window] = 1.0
        for span in spans:
            of_word[places[span.start : span.stop]] = 0.0
        weights[start:stop] = of_word[shared.words[start:stop]]
        for window in near:
            of_word[window] = _FAR
    return weights


def antecedent(table: CandidateTable) -> Floats:
    """The probability that a longer name in the document, which this one may be short for, means the entity."""
    found = np.zeros(len(table.candidates))
    bounds = table.bounds()
    numbers, probability = table.numbers.tolist(), table.probability.tolist()
    for place, chain in enumerate(table.chains):
        if not chain.expansions:
            continue
        known: dict[int, float] = {}
        for longer in chain.expansions:
            for row in range(bounds[longer], bounds[longer + 1]):
                known[numbers[row]] = max(known.get(numbers[row], 0.0), probability[row])
        own = slice(bounds[place], bounds[place + 1])
        found[own] = [known.get(number, 0.0) for number in numbers[own]]
    return found


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
    contexts = np.zeros((len(table.chains), table.vectors.shape[1]), dtype=np.float32)
    for document in np.unique(table.documents[asked]).tolist():
        chains = asked[table.documents[asked] == document]
        begin = table.begins[document]
        spans = [
            [range(span.start - begin, span.stop - begin) for span in map(table.spans.__getitem__, chain.mentions)]
            for chain in map(table.chains.__getitem__, chains.tolist())
        ]
        contexts[chains] = table.contexts.read(table.sheets[document].text, spans)
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
    centred: Floats = (values - np.repeat(means, table.sizes)) * known
    return centred


def related(table: CandidateTable) -> Floats:
    """How near the entity's vector is to those of what the others mean, against the other candidates, -2 to 2."""
    if table.vectors is None:
        return np.zeros(len(table.candidates))
    best = best_rows(table.probability, table.first)
    meant = table.vectors[best] * table.probability[best].astype(np.float32)[:, np.newaxis]
    documents = table.document[best]
    begins = np.flatnonzero(np.diff(documents, prepend=-1))
    sums = np.repeat(np.add.reduceat(meant, begins), np.diff(np.append(begins, len(best))), axis=0)
    others = unit(sums - meant)
    values = np.einsum("ij,ij->i", table.vectors, np.repeat(others, table.sizes, axis=0))
    return _against_others(table, table.vectors, values)


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
        Feature("prior", prior),
        Feature("linked", linked),
    ),
    (Feature("antecedent", antecedent), Feature("meaning", meaning)),
    (Feature("coherence", coherence), Feature("related", related)),
)
OF_LINKS = frozenset({"prior", "linked"})  # what an index without links of a wiki cannot tell
FEATURES = tuple(feature for stage in STAGES for feature in stage)
