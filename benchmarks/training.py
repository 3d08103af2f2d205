"""Fitting rankers on the open benchmarks, and what they are worth on texts that they were not fitted on.

The model is the ranker's own: a conditional logit with NIL as one more choice (McFadden 1974), fitted by maximum
likelihood with an L2 penalty. A labelled mention chooses its gold entity, or NIL where no candidate is that; a
detected one that overlaps no label chooses NIL. Each set weighs the same, and a NIL mention `NIL_WEIGHT` of another.
The features of the later stages depend on the weights, so weighing and fitting alternate. No feature looks at a
benchmark's strings.
"""

from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from typing import Literal
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from nedsvc.candidate_table import CandidateTable, Floats, candidate_table
from nedsvc.decision import decide_table, sheet, status, weigh
from nedsvc.evaluation.calibration import Judged, accuracy_at, expected_error, judged, reliability
from nedsvc.evaluation.gold import GoldDocument, GoldSet, Place, overlaps
from nedsvc.evaluation.predictions import MOST_CANDIDATES, PredictedMention, Prediction, labelled
from nedsvc.evaluation.scores import accuracy, end_to_end
from nedsvc.factory import Parts
from nedsvc.features import FEATURES
from nedsvc.linker import with_given
from nedsvc.meaning import Contexts, Directions
from nedsvc.models import Mention, Options, RankerName
from nedsvc.ranking import Ranker
from nedsvc.text import Text, read_text

ROUNDS = 3
PENALTY = 0.01
FOLDS = 5
THRESHOLD = Options().threshold
NIL_WEIGHT = 0.3
POINTS = 12  # of a calibration
BY_HAND = ("demonym", "shorthand")  # the weights of what our tables say are kept as they are
LINKS = ("prior", "linked")  # as are those of what an index without links of a wiki cannot tell
VECTORS = ("meaning", "related")  # what an index without vectors cannot tell
NAMES = tuple(feature.name for feature in FEATURES)

Weights = Literal["plain", "fast", "accurate"]
Ints = NDArray[np.int64]


class Gold(msgspec.Struct, frozen=True):
    """The benchmarks, and the ids that count."""

    sets: Sequence[GoldSet]
    known: Container[str]


class Target(msgspec.Struct, frozen=True):
    """A mention of a case: its chain's rows, the row that is meant (None: NIL), and whether the gold counts it."""

    start: int
    stop: int
    meant: int | None
    counted: bool


class Case(msgspec.Struct, frozen=True):
    """A document with its candidates: of the labelled spans where these are `given`, else of the detected ones."""

    set: str
    document: str
    given: bool
    table: CandidateTable
    targets: tuple[Target, ...]


HeldOut = Sequence[tuple[Ranker, Sequence[Case]]]  # rankers, each with cases that it was not fitted on


class Scored(msgspec.Struct, frozen=True):
    """How right a ranker is: by set the accuracy on given spans and the F1 on detected ones, and the calibration."""

    accuracy: Mapping[str, float]
    f1: Mapping[str, float]
    calibration_error: float
    accuracy_at_80: float

    @property
    def mean_accuracy(self) -> float:
        """The mean over the sets."""
        return float(np.mean(list(self.accuracy.values())))

    @property
    def mean_f1(self) -> float:
        """The mean over the sets."""
        return float(np.mean(list(self.f1.values())))


class _ReadOnce:
    """Contexts that read a text once, for all its chains."""

    def __init__(self, contexts: Contexts, chains: Sequence[Sequence[range]]) -> None:
        self._contexts = contexts
        self._chains = chains
        self._read: Mapping[str, Directions] | None = None

    def read(self, text: Text, chains: Sequence[Sequence[range]]) -> Directions:
        if self._read is None:
            rows = self._contexts.read(text, self._chains)
            self._read = {str(chain): row for chain, row in zip(self._chains, rows, strict=True)}
        return np.array([self._read[str(chain)] for chain in chains])


def cases(parts: Parts, gold: Gold, ranker: RankerName) -> list[Case]:
    """Each document of the sets twice, with its labelled spans given and with the detected ones."""
    contexts = parts.judges.chosen(ranker).contexts
    return [case for each in gold.sets for case in _cases(parts, each, gold.known, contexts)]


def _cases(parts: Parts, gold: GoldSet, known: Container[str], contexts: Contexts | None) -> Iterator[Case]:
    documents = [document for document in gold.documents if document.text.strip()]
    texts = [read_text(document.text, "en") for document in documents]
    for document, text, detected in zip(documents, texts, parts.detector.detect(texts), strict=True):
        for given in (True, False):
            mentions = with_given(text, detected, labelled(document) if given else None)
            table = _table(parts, text, mentions, contexts)
            targets = _labelled(document, table, known) if given else _detected(document, table, known)
            yield Case(gold.name, str(document.id), given, table, tuple(targets))


def _table(parts: Parts, text: Text, mentions: Sequence[Mention], contexts: Contexts | None) -> CandidateTable:
    found = parts.source.search([mention.surface for mention in mentions], text.language, 0.0)
    candidates = {name: answer for name, answer in found.items() if isinstance(answer, tuple)}
    table = candidate_table([sheet(text, mentions, candidates)])
    return table if contexts is None else read_by(table, contexts)


def read_by(table: CandidateTable, contexts: Contexts) -> CandidateTable:
    """The table whose text these contexts read, all of it at once."""
    spans = [[table.spans[one] for one in chain.mentions] for chain in table.chains]
    return msgspec.structs.replace(table, contexts=_ReadOnce(contexts, spans))


def _labelled(document: GoldDocument, table: CandidateTable, known: Container[str]) -> Iterator[Target]:
    meant = {label.span: label.entity_id for label in document.labels if not label.coref}
    counted = document.counted(known)
    for span, bounds in _spans(table):
        if span in meant:
            yield Target(*bounds, _row(table, bounds, counted.get(span, meant[span])), span in counted)


def _detected(document: GoldDocument, table: CandidateTable, known: Container[str]) -> Iterator[Target]:
    labels = [label.span for label in document.labels]
    counted = document.counted(known)
    for span, bounds in _spans(table):
        if span in counted:
            yield Target(*bounds, _row(table, bounds, counted[span]), True)
        elif document.within(span) and not overlaps(span, labels):
            yield Target(*bounds, None, False)


def _spans(table: CandidateTable) -> Iterator[tuple[Place, tuple[int, int]]]:
    """The span of each mention that has candidates, with the bounds of its chain's rows."""
    bounds = table.bounds()
    for number, chain in enumerate(table.chains):
        if bounds[number] < bounds[number + 1]:
            for mention in chain.mentions:
                one = table.sheets[0].mentions[mention]
                yield (one.start, one.end), (bounds[number], bounds[number + 1])


def _row(table: CandidateTable, bounds: tuple[int, int], qid: str) -> int | None:
    return next((row for row in range(*bounds) if table.candidates[row].id == qid), None)


def train(cases: Sequence[Case], start: Ranker, without: Container[str] = (), rounds: int = ROUNDS) -> Ranker:
    """The ranker of greatest likelihood, without some features, beginning from another one's weights."""
    ranker = _without(start, without)
    for _ in range(rounds):
        values = [_features(case, ranker) for case in cases]
        ranker = _fit(cases, values, ranker, without)
    return ranker


def beginning(name: Weights) -> Ranker:
    """Where fitting begins: by hand, so that no text has had a say."""
    weights = {
        "similarity": 4.0, "demonym": 1.5, "shorthand": 2.5, "popularity": 4.0, "share": 4.0, "type": 0.5,
        "context": 1.0, "antecedent": 3.0, "coherence": 1.0, "prior": 2.0, "linked": 2.0,
    }  # fmt: skip
    vectors = {} if name == "plain" else {"meaning": 5.0, "related": 5.0}
    return Ranker(provenance="by hand", nil=8.0, weights=weights | vectors)


def _without(ranker: Ranker, without: Container[str]) -> Ranker:
    weights = {name: weight for name, weight in ranker.weights.items() if name not in without}
    return msgspec.structs.replace(ranker, weights=weights, calibration=((0.0, 0.0), (1.0, 1.0)))


def _features(case: Case, ranker: Ranker) -> Floats:
    if not case.table.candidates:
        return np.zeros((0, len(NAMES)))
    values, _ = weigh(case.table, ranker)
    return np.array([values[name] for name in NAMES]).T


def _fit(cases: Sequence[Case], values: Sequence[Floats], start: Ranker, without: Container[str]) -> Ranker:
    chosen = [
        (case, target, features) for case, features in zip(cases, values, strict=True) for target in _taught(case)
    ]
    weight = _weights(chosen)
    sizes = np.array([target.stop - target.start for _, target, _ in chosen])
    rows = np.concatenate([features[target.start : target.stop] for _, target, features in chosen])
    first = np.cumsum(sizes) - sizes
    owner = np.repeat(np.arange(len(sizes)), sizes)
    meant = np.array([-1 if target.meant is None else target.meant - target.start for _, target, _ in chosen])
    linked, place = meant >= 0, first + np.maximum(meant, 0)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        scores, nil = rows @ parameters[:-1], parameters[-1]
        top = np.maximum(np.maximum.reduceat(scores, first), nil)
        exponentials = np.exp(scores - top[owner])
        totals = np.add.reduceat(exponentials, first) + np.exp(nil - top)
        likelihood = weight @ (np.where(linked, scores[place], nil) - top - np.log(totals))
        pulls = -exponentials / totals[owner] * weight[owner]
        np.add.at(pulls, place[linked], weight[linked])
        nil_pull = weight @ (~linked - np.exp(nil - top) / totals)
        gradient = np.append(rows.T @ pulls, nil_pull)
        return -likelihood + PENALTY * parameters @ parameters / 200, -gradient + PENALTY * parameters / 100

    begin = np.array([*(start.weights.get(name, 0.0) for name in NAMES), start.nil])
    found = minimize(loss, begin, jac=True, method="L-BFGS-B", bounds=_bounds(without)).x.round(4).tolist()
    weights = dict(zip(NAMES, found, strict=False)) | {name: start.weights[name] for name in (*BY_HAND, *LINKS)}
    kept = {name: value for name, value in weights.items() if name not in without}
    return Ranker(provenance=f"fitted on {len(chosen)} mentions", nil=found[-1], weights=kept)


def _taught(case: Case) -> Iterator[Target]:
    """The mentions that teach: labelled ones, and detected ones that mean nothing known.

    Those in one of our tables of demonyms and shorthand names do not: by our convention a demonym means the country,
    while the sets link some to peoples and languages and leave most unlabelled, and of the shorthand they hold too few.
    """
    for target in case.targets:
        kinds = {candidate.kind for candidate in case.table.candidates[target.start : target.stop]}
        if kinds.isdisjoint(BY_HAND) and (case.given or not target.counted):
            yield target


def _weights(chosen: Sequence[tuple[Case, Target, Floats]]) -> Floats:
    """What each mention weighs, all together 1."""
    names, places, counts = np.unique([case.set for case, _, _ in chosen], return_inverse=True, return_counts=True)
    nil = np.array([NIL_WEIGHT if target.meant is None else 1.0 for _, target, _ in chosen])
    weight = nil / counts[places] / len(names)
    return np.asarray(weight / weight.sum())


def _bounds(without: Container[str]) -> list[tuple[float | None, float | None]]:
    """A similar name must not count for more than the name itself, nor an alias for more than the label."""
    bounds: dict[str, tuple[float | None, float | None]] = {"similar": (None, 0.0), "label": (0.0, None)}
    return [(0.0, 0.0) if name in without else bounds.get(name, (None, None)) for name in (*NAMES, "nil")]


def fold_of(case: Case) -> int:
    """The fold that a document belongs to; documents are dealt out by a checksum of their names."""
    return crc32(f"{case.set} {case.document}".encode()) % FOLDS


def by_folds(cases: Sequence[Case], start: Ranker, without: Container[str] = ()) -> HeldOut:
    """For each fold of the documents a ranker fitted on the others."""
    return _held_out(cases, start, fold_of, without)


def by_sets(cases: Sequence[Case], start: Ranker, without: Container[str] = ()) -> HeldOut:
    """For each set a ranker fitted on the others."""
    return _held_out(cases, start, lambda case: case.set, without)


def _held_out(cases: Sequence[Case], start: Ranker, part: Callable[[Case], object], without: Container[str]) -> HeldOut:
    found: list[tuple[Ranker, Sequence[Case]]] = []
    for one in sorted({part(case) for case in cases}, key=str):
        ranker = train([case for case in cases if part(case) != one], start, without, rounds=2)
        found.append((ranker, [case for case in cases if part(case) == one]))
    return found


def calibrated(pairs: HeldOut, gold: Gold) -> HeldOut:
    """The rankers, each with the calibration of the others."""
    return [
        (msgspec.structs.replace(ranker, calibration=calibration([*pairs[:place], *pairs[place + 1 :]], gold)), held)
        for place, (ranker, held) in enumerate(pairs)
    ]


def calibration(pairs: HeldOut, gold: Gold) -> tuple[tuple[float, float], ...]:
    """The calibration of rankers on documents that they were not fitted on, in `POINTS` equally filled bins.

    Where a surer bin is no righter than the one before, both are taken together (isotonic regression by pooling
    adjacent violators, Ayer et al. 1955).
    """
    answers = _answers([(_without(ranker, ()), held) for ranker, held in pairs], gold)
    pooled: list[list[float]] = []
    for each in reliability(answers, POINTS):
        pooled.append([each.mentions, each.confidence, each.accuracy])
        while len(pooled) > 1 and pooled[-2][2] >= pooled[-1][2]:
            pooled[-2:] = [_pool(*pooled[-2:])]
    points = [(round(confidence, 4), round(right, 4)) for _, confidence, right in pooled]
    return ((0.0, 0.0), *points, (1.0, 1.0))


def _pool(one: Sequence[float], other: Sequence[float]) -> list[float]:
    weight = one[0] + other[0]
    return [weight, *((one[0] * a + other[0] * b) / weight for a, b in zip(one[1:], other[1:], strict=True))]


def predictions(pairs: HeldOut, gold: GoldSet, *, given: bool) -> list[Prediction]:
    """What the rankers say of a set, each of the documents beside it."""
    found = {
        case.document: Prediction(case.document, tuple(_predicted(case, ranker)))
        for ranker, held in pairs
        for case in held
        if case.set == gold.name and case.given == given
    }
    return [found.get(str(document.id), Prediction(document.id, ())) for document in gold.documents]


def _predicted(case: Case, ranker: Ranker) -> Iterator[PredictedMention]:
    for decision in decide_table(case.table, ranker, MOST_CANDIDATES)[0]:
        found = status(decision, THRESHOLD)
        ids = tuple(choice.candidate.id for choice in decision.choices)
        best = ids[0] if ids else None
        confidence = decision.choices[0].probability if ids else 0.0
        for position in decision.chain.mentions:
            one = case.table.sheets[0].mentions[position]
            qid = best if found == "linked" else None
            yield PredictedMention(one.start, one.end, qid, best, confidence, one.label, ids, found)


def score(pairs: HeldOut, gold: Gold) -> Scored:
    """How right rankers are, each on the cases beside it."""
    right: dict[str, float] = {}
    f1: dict[str, float] = {}
    for each in gold.sets:
        right[each.name] = accuracy(each, predictions(pairs, each, given=True), gold.known).share
        f1[each.name] = end_to_end(each, predictions(pairs, each, given=False), gold.known).f1
    answers = _answers(pairs, gold)
    mentions = sum(len(document.counted(gold.known)) for each in gold.sets for document in each.documents)
    return Scored(right, f1, expected_error(reliability(answers)), accuracy_at(answers, 0.8, mentions))


def _answers(pairs: HeldOut, gold: Gold) -> Judged:
    """The confidence of the best candidate of each counted mention, and whether it is right."""
    return [one for each in gold.sets for one in judged(each, predictions(pairs, each, given=True), gold.known)]
